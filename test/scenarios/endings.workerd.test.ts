import "./endings.test.ts";
