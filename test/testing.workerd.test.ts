// All of it inside workerd, where those who write Workers test them.
import "./testing.test.ts";
import "./testing/clock.test.ts";
import "./testing/drain.test.ts";
