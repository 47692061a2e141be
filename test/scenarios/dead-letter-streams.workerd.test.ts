import "./dead-letter-streams.test.ts";
