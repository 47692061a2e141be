// `node --import` of this file: a program that imports the package by its name gets its sources.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { alias } from "./config.ts";

registerHooks({
  resolve(name, context, next) {
    const path = alias[name];
    return next(path === undefined ? name : pathToFileURL(path).href, context);
  },
});
