import "./target.test.ts";
