import "./hostile-publisher.test.ts";
