// Subjects and the patterns of streams, consumers and permissions. Pure.

/** Whether a pattern takes the subject in: `*` is one token, `>` the rest. */
export function takesIn(pattern: string, subject: string): boolean {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  if (wanted.at(-1) !== ">" && wanted.length !== tokens.length) return false;
  return wanted.every((token, at) => {
    if (token === ">") return tokens.length > at;
    return tokens[at] !== undefined && (token === "*" || token === tokens[at]);
  });
}
