// A peer that breaks at any moment, in Node.
import { brokenPeerSuite } from "./broken-peer.suite.ts";

brokenPeerSuite("Node");
