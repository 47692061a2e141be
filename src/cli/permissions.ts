// `sluice permissions`: what a drain's user may do, and no more, as nats-server and as `nats auth` take it.
import { type Command, Option } from "commander";
import { quote } from "../report/preflight-rule.ts";
import { type Context, strict } from "./context.ts";
import { type Environment, envFileOption, readEnvironment } from "./login.ts";
import { EXIT, UsageError } from "./usage.ts";

const NAME = "sluice permissions";

interface Options {
  readonly stream?: string;
  readonly consumer?: string;
  readonly domain?: string;
  readonly deadLetter?: string;
  readonly deadLetterStream?: string;
  readonly copyTo?: readonly string[];
  readonly bucket?: string;
  readonly user: string;
  readonly inboxPrefix?: string;
  readonly envFile?: string;
}

const INBOX_PREFIX = "_INBOX_sluice";

export function addPermissions(program: Command, { end }: Context): void {
  strict(program.command("permissions"), NAME)
    .summary("Print the least that a drain's user must be allowed.")
    .description(
      `\
Prints a user for nats-server.conf that may do what a drain of one consumer needs, and no more, and the \
command that makes the same user with an operator's keys. Its replies come to a prefix of its own, so that \
it cannot read those of others: give the drain inboxPrefix, or the Worker NATS_INBOX_PREFIX.`,
    )
    .option("--stream <name>", "The stream. (default: NATS_STREAM)")
    .option("--consumer <name>", "The consumer. (default: NATS_CONSUMER)")
    .option("--domain <name>", "JetStream domain. (default: NATS_DOMAIN)")
    .option("--dead-letter <subject>", "Where dead letters go. (default: DEAD_LETTER_SUBJECT, or none)")
    .addOption(
      new Option(
        "--dead-letter-stream <name>",
        "The stream that takes dead letters: the drain may ask whether it keeps them.",
      ),
    )
    .addOption(
      new Option(
        "--copy-to <subjects...>",
        "The consumer's own subjects, for dead letters that cannot be published at a last delivery.",
      ),
    )
    .option("--bucket <name>", "The bucket of the history. (default: HISTORY_BUCKET, or none)")
    .option("--inbox-prefix <prefix>", `Its replies. (default: NATS_INBOX_PREFIX, or ${INBOX_PREFIX})`)
    .option("--user <name>", "The user's name.", "sluice")
    .addOption(envFileOption())
    .action(async (options: Options) => {
      const settings = { ...fromEnvironment(await readEnvironment(options)), ...options };
      process.stdout.write(`${permissionsText(settings)}\n`);
      end(EXIT.ok);
    });
}

/** What is not an option, under the names of the Worker's vars. */
function fromEnvironment(env: Environment): Omit<Options, "user"> {
  const named = {
    stream: env.NATS_STREAM,
    consumer: env.NATS_CONSUMER,
    domain: env.NATS_DOMAIN,
    deadLetter: env.DEAD_LETTER_SUBJECT,
    bucket: env.HISTORY_BUCKET,
    inboxPrefix: env.NATS_INBOX_PREFIX,
  };
  const set = Object.entries(named).map(([name, value]) => [name, value?.trim()]);
  return Object.fromEntries(set.filter(([, value]) => value));
}

function permissionsText(options: Options): string {
  const stream = check("--stream", options.stream);
  const consumer = check("--consumer", options.consumer);
  // A server of the domain itself looks at what it maps the API to; one behind a leaf node does not know it.
  const domain = options.domain && check("--domain", options.domain);
  const prefixes = ["$JS.API", ...(domain ? [`$JS.${domain}.API`] : [])];
  const publish = [
    ...prefixes.flatMap((prefix) => [
      `${prefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      `${prefix}.CONSUMER.INFO.${stream}.${consumer}`,
    ]),
    `$JS.ACK.${stream}.${consumer}.>`,
    // With a domain and an account's hash: of a leaf node's stream, and of servers that always give them.
    `$JS.ACK.*.*.${stream}.${consumer}.>`,
    ...(options.deadLetter ? [checkSubject("--dead-letter", options.deadLetter)] : []),
    ...(options.deadLetterStream ? letterQuestions(options.deadLetterStream, prefixes) : []),
    ...(options.copyTo ?? []).map((subject) => checkPattern("--copy-to", subject)),
    ...(options.bucket ? bucketSubjects(check("--bucket", options.bucket), prefixes) : []),
  ];
  const subscribe = [`${checkSubject("--inbox-prefix", options.inboxPrefix ?? INBOX_PREFIX)}.>`];
  const user = check("--user", options.user);
  const list = (subjects: readonly string[]): string =>
    subjects.map((each) => JSON.stringify(each)).join(", ");
  const words = (flag: string, subjects: readonly string[]): string =>
    subjects.map((each) => `${flag} '${each}'`).join(" ");
  const owner = '"$ACCOUNT" --operator "$OPERATOR"';
  const keyholder = `${quote(user)} ${owner} --credential ${quote(`${user}.creds`)} --defaults`;
  return `# nats-server.conf: an entry of "users".
{
  user: ${JSON.stringify(user)}, password: $SLUICE_PASSWORD
  allowed_connection_types: [WEBSOCKET]
  permissions: {
    publish: { allow: [${list(publish)}] }
    subscribe: { allow: [${list(subscribe)}] }
  }
}

# Or with an operator's keys, which nats auth keeps:
# nats auth user add ${keyholder} ${words("--pub-allow", publish)} ${words("--sub-allow", subscribe)}`;
}

/** Whether a stream keeps dead letters at all, and whether a duplicate is what it should be. */
function letterQuestions(name: string, apis: readonly string[]): readonly string[] {
  const stream = check("--dead-letter-stream", name);
  return apis.flatMap((api) => [`${api}.STREAM.INFO.${stream}`, `${api}.STREAM.MSG.GET.${stream}`]);
}

/** To keep a report, and to read them back for the dashboard. */
function bucketSubjects(bucket: string, apis: readonly string[]): readonly string[] {
  return [`$KV.${bucket}.>`, ...apis.map((api) => `${api}.DIRECT.GET.KV_${bucket}`)];
}

/** One token of a subject, harmless between quotes. */
function check(option: string, value: string | undefined): string {
  if (!value) throw new UsageError(`${option} is missing`, NAME);
  if (!/^[^\s.*>/\\'"\p{Cc}]+$/u.test(value))
    throw new UsageError(`${option} must be a name, not '${value}'`, NAME);
  return value;
}

/** A subject that may have wildcards, none of which reaches the server's own subjects. */
function checkPattern(option: string, value: string): string {
  if (!/^(?![*>$])[^\s.*>'"\\\p{Cc}]+(\.([^\s.*>'"\\\p{Cc}]+|\*))*(\.>)?$/u.test(value))
    throw new UsageError(`${option} must be subjects that start with a name, not '${value}'`, NAME);
  return value;
}

function checkSubject(option: string, value: string): string {
  if (!/^[^\s.*>'"\\\p{Cc}]+(\.[^\s.*>'"\\\p{Cc}]+)*$/u.test(value))
    throw new UsageError(`${option} must be a subject without wildcards, not '${value}'`, NAME);
  return value;
}
