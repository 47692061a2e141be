import "./idle.test.ts";
