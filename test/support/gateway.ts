// A POST as API Gateway's HTTP API and Function URLs hand it to a function: payload format 2.0.
export function gatewayEvent(path: string, headers: Readonly<Record<string, string>>): object {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host: "drain.example.com", ...headers },
    requestContext: { domainName: "drain.example.com", http: { method: "POST", path } },
    isBase64Encoded: false,
  };
}
