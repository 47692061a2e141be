// A peer that breaks at any moment, inside workerd.
import { brokenPeerSuite } from "./broken-peer.suite.ts";

brokenPeerSuite("workerd");
