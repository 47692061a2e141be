import "./sign-in-frame.test.ts";
