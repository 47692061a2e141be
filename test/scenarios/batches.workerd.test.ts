import "./batches.test.ts";
