// The networks of one mode: which there are, which are loaded, which one answers.
//
//   const networks = new Networks(engine);
//   await networks.enter({ before: "models/a.plants", after: "models/b.plants", samples: [] });
//   networks.now; // {header, bytes, file}: the one that answers

import { fetched, opened } from "./model.js";
import { MINE, ROLES } from "./shared.js";
import { Problem, say } from "./words.js";

export class Networks {
  #engine;
  #loading = {};
  mode = { id: "", samples: [] };
  models = {}; // by role: null while it is not loaded; without an entry there is none
  role = "after";

  constructor(engine) {
    this.#engine = engine;
  }

  /** The network that answers, or null while it is not there. */
  get now() {
    return this.models[this.role] ?? null;
  }

  /** Take up a mode and load its better network. Its other one is not loaded before it is asked for. */
  async enter(mode) {
    this.mode = mode;
    this.#loading = {};
    this.models = Object.fromEntries(
      ROLES.filter((role) => mode[role]).map((role) => [role, null]),
    );
    this.role = "after" in this.models ? "after" : "before";
    await this.load(this.role);
  }

  /** Load the network of a role, once. Throws a Problem that says what is wrong with its file. */
  load(role) {
    this.#loading[role] ??= this.#load(role, this.mode).catch((error) => {
      delete this.#loading[role];
      throw error;
    });
    return this.#loading[role];
  }

  /** The role whose network is not loaded yet, if there is one. */
  get missing() {
    return Object.keys(this.models).find((role) => !this.models[role]) ?? null;
  }

  forget(role) {
    delete this.models[role];
  }

  async #load(role, mode) {
    const given = mode[role];
    const file = typeof given === "string" ? given : given.file;
    const model = typeof given === "string" ? await fetched(given) : given;
    if (model.header.role !== role)
      throw new Problem(say.modelDamaged(file, `it is the ${model.header.role} network`));
    await this.#engine.load(role, model, file);
    if (mode === this.mode) this.models[role] = { header: model.header, bytes: model.bytes, file };
  }
}

/** A mode of the model files that someone chose, one or two. Throws a Problem if they are none. */
export async function chosenMode(files) {
  if (files.length > 2) throw new Problem(say.tooManyFiles);
  return modeOf(
    await Promise.all(files.map(async (file) => ({ ...(await opened(file)), file: file.name }))),
  );
}

/** A mode of the model files that a link names: #model=models/a.plants, or two with a comma. */
export async function linkedMode(hash) {
  const names = new URLSearchParams(hash.slice(1)).get("model").split(",");
  const addresses = names.map((name) => new URL(name, location.href));
  if (addresses.some((address) => address.origin !== location.origin))
    throw new Problem(say.elsewhere);
  return modeOf(
    await Promise.all(
      addresses.map(async ({ href }, i) => ({
        ...(await fetched(href, names[i])),
        file: names[i],
      })),
    ),
  );
}

function modeOf(models) {
  const mode = { id: MINE, title: models[0].header.name, samples: [] };
  for (const model of models) {
    if (mode[model.header.role]) throw new Problem(say.twice(model.header.role));
    mode[model.header.role] = model;
  }
  return mode;
}
