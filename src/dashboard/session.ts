// Who may look: a login by the token, kept in a signed cookie that expires.
import type { Context } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { timingSafeEqual } from "hono/utils/buffer";
import { isLoopback } from "../connection/login.ts";

const COOKIE = "sluice_session";
const LIFE_SECONDS = 8 * 3_600;

/** Whether the request has a session that the token signed, and that has not expired. */
export async function hasSession(c: Context, token: string): Promise<boolean> {
  const expires = await getSignedCookie(c, token, COOKIE);
  // The browser forgets the cookie by itself; one that was copied must end, too.
  return typeof expires === "string" && Number(expires) > Date.now();
}

/** Opens a session where the offered token is the right one. To whether it is. */
export async function logIn(c: Context, offered: unknown, token: string): Promise<boolean> {
  if (typeof offered !== "string" || !(await timingSafeEqual(offered.trim(), token))) return false;
  const expires = String(Date.now() + LIFE_SECONDS * 1_000);
  await setSignedCookie(c, COOKIE, expires, token, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: isSecure(c),
    maxAge: LIFE_SECONDS,
  });
  return true;
}

export function logOut(c: Context): void {
  deleteCookie(c, COOKIE, { path: "/" });
}

/**
 * Whether a cookie is for encrypted connections only: not by plain http to this machine, where a
 * browser would not send one back.
 */
export function isSecure(c: Context): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol !== "http:" || !isLoopback(hostname);
}
