// What Python and the page have to agree on. Python reads this file too (page_shared.py): a value
// is a number, a text or a list of them, in one line, as both languages write it.

// A model file
export const FORMAT = 1;
export const SUFFIX = ".plants";
export const LARGEST = 67_108_864; // bytes, as it is and unpacked
export const LARGEST_HEADER = 1_048_576; // bytes
export const ROLES = ["before", "after"]; // the original network, the compressed one
export const CLASSES = [2, 10_000]; // the fewest and the most
export const SIDES = [16, 512]; // pixels of a picture for a network

// What a network may cost: loading it, and running it on one image. budgets.js and Python's
// course_lib/deploy/budgets.py count it in the same way.
export const MOST_BARE = 1_048_576; // bytes of a graph without its weights
export const MOST_MEMORY = 480_000_000; // bytes
export const MOST_STEPS = 8_589_934_592; // multiply-adds, slower ones counted as several
export const MOST_FOLDED = 1_073_741_824; // of these from weights alone, at loading

// When an answer is "not sure": what a rule may hold
export const TEMPERATURES = [0.001, 1000];
export const PROBABILITIES = [0, 1];
export const EVIDENCES = [-1e6, 1e6];
export const MATCHES = [-1, 1];
export const TURNS = [1, 2, 4]; // quarter turns that answers are averaged over

// The mode of files that someone opened: no built one may have its name
export const MINE = "mine";
