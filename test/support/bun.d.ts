// What the examples use of Bun's own API.
declare const Bun: {
  cron(schedule: string, handler: () => Promise<void>): unknown;
};
