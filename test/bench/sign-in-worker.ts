// Signing in, in workerd: as often as the request says.
import { type SignInJob, signInOften } from "./sign-ins.ts";

export default {
  fetch: async (request: Request): Promise<Response> => {
    const job = (await request.json()) as SignInJob; // sign-in.ts, the only caller, sends one
    await signInOften(job);
    return Response.json(null);
  },
};
