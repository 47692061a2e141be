import "./peer.test.ts";
