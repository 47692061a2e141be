import "./login.test.ts";
