// From a network's logits to what the page says: a name, or "not sure". Python's `unsure.Rule`
// decides the same.
//
//   decide(weigh([logits], rule), rule);             // one picture, seen once
//   decide(average.add(weigh([logits], rule)), rule) // a camera, over its last frames
//
// p = softmax(logits / temperature). Evidence = logsumexp(logits): do the logits speak for any
// class at all (Liu et al. 2020, arXiv 2010.03759)? Match: are they in the proportions that a known
// class has, where the rule has a pattern?

const SHARE = 1 / 3; // of the newest frame; with it some five frames count (2 / (5 + 1))

/** {shares, evidence, match} of one picture's logits, the mean over the views it was seen in. */
export function weigh(views, rule) {
  const seen = views.map((logits) => weighOne(logits, rule));
  return seen.reduce((sum, next, i) => blend(sum, next, 1 / (i + 1)));
}

/** What to say: the three likeliest classes, whether the first is sure, and else why not. */
export function decide({ shares, evidence, match }, { probability, evidence: least, pattern }) {
  const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a] || a - b);
  const top = order.slice(0, 3).map((index) => ({ index, share: shares[index] }));
  const [{ index, share }] = top;
  const known = evidence >= least && (!pattern || match >= pattern.match);
  const sure = known && share >= probability;
  return {
    index,
    share,
    evidence,
    match,
    top,
    sure,
    why: sure ? null : known ? "alike" : "strange",
  };
}

/** Averages what `weigh` gave over the last few frames; `clear` when the picture is another. */
export class Average {
  #now = null;
  #count = 0;

  add(next) {
    this.#count += 1;
    // The plain mean at first, so that the first frame does not count for several.
    this.#now = this.#now ? blend(this.#now, next, Math.max(SHARE, 1 / this.#count)) : next;
    return this.#now;
  }

  clear() {
    this.#now = null;
    this.#count = 0;
  }
}

function weighOne(logits, { temperature, pattern }) {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const heights = Array.from(logits, (x) => x - highest);
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const powers = heights.map((x) => Math.exp(x / temperature));
  const sum = total(powers);
  return {
    shares: powers.map((power) => power / sum),
    evidence: highest + Math.log(total(heights.map(Math.exp))),
    match: pattern ? matchOf(logits, pattern) : 1,
  };
}

/** The cosine of the logits, taken from their middle and made alike, with the nearest class. */
function matchOf(logits, { weights, bias, directions }) {
  const dot = (row, values) => row.reduce((sum, weight, i) => sum + weight * values[i], 0);
  const seen = weights.map((row, i) => dot(row, logits) - bias[i]);
  const length = Math.max(Math.hypot(...seen), 1e-12);
  return Math.max(...directions.map((row) => dot(row, seen) / length));
}

function blend(old, fresh, share) {
  const mix = (a, b) => a + share * (b - a);
  return {
    shares: old.shares.map((value, i) => mix(value, fresh.shares[i])),
    evidence: mix(old.evidence, fresh.evidence),
    match: mix(old.match, fresh.match),
  };
}
