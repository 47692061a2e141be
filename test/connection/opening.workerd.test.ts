import "./opening.test.ts";
