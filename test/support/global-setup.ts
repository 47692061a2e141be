export default async function setup() { console.log("global setup", process.pid); }
