import "./insecure.test.ts";
