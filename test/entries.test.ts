// The public face: a name that comes or goes is a change of the API.
import { expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { alias } from "./support/config.ts";
import { NAMES } from "./support/names.ts";

test("package.json has the entries that are documented, and no other", () => {
  expect(Object.keys(manifest.exports).sort()).toEqual(
    [...Object.keys(NAMES).map((entry) => entry.replace("sluice", ".")), "./package.json"].sort(),
  );
});

test.each(Object.entries(alias))("%s exports what users import", async (entry, source) => {
  expect(Object.keys(await import(source)).sort()).toEqual([...(NAMES[entry] ?? [])].sort());
});
