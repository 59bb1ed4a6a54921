// Formats with prettier: node format.mjs PRETTIER --check|--write FILE ...
// PRETTIER is the folder with its standalone.mjs. Prints the files that are, or were, not formatted.

import { readFileSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, what, ...files] = process.argv.slice(2);
const part = (name) => import(pathToFileURL(`${folder}/${name}.mjs`).href);
const prettier = await part("standalone");
const plugins = await Promise.all(
  ["babel", "estree", "html", "postcss"].map((name) => part(`plugins/${name}`)),
);
const parsers = { ".css": "css", ".html": "html" };

for (const file of files) {
  const source = readFileSync(file, "utf-8");
  const parser = parsers[extname(file)] ?? "babel";
  const wanted = await prettier.format(source, { parser, plugins, printWidth: 100 });
  if (wanted === source) continue;
  console.log(file);
  if (what === "--write") writeFileSync(file, wanted);
  else process.exitCode = 1;
}
