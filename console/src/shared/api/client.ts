/** The gateway's API, typed from its OpenAPI document. See console/README.md for how pages use it. */
import createClient, { type Middleware } from "openapi-fetch";
import createHooks from "openapi-react-query";
import { ApiError, problemOf } from "./error";
import type { components, paths } from "./schema";

export type Schema = components["schemas"];

const PATIENCE_MS = 30_000;

/** Listeners are told when the gateway says that nobody is signed in (any more). */
const signedOut = new Set<() => void>();

export function onSignedOut(tell: () => void): () => void {
  signedOut.add(tell);
  return () => signedOut.delete(tell);
}

/** `fetch` that gives up: a spinner without an end tells nobody anything. */
export async function patientFetch(input: Request, patience = PATIENCE_MS): Promise<Response> {
  const limit = AbortSignal.timeout(patience);
  try {
    return await fetch(input, { signal: AbortSignal.any([input.signal, limit]) });
  } catch (error) {
    if (input.signal.aborted) throw error;
    throw limit.aborted
      ? new ApiError(0, "no_answer", `The gateway did not answer within ${patience / 1000} seconds.`)
      : new ApiError(0, "unreachable", "The gateway cannot be reached. Is it running?");
  }
}

/** The answer to what public/boot.js asked before anything of this had come: it is good once, for the first to ask. */
function early(request: Request): Promise<Response> | undefined {
  if (request.method !== "GET") return undefined;
  const { pathname, search } = new URL(request.url);
  const found = window.wyeEarly?.[pathname + search];
  delete window.wyeEarly?.[pathname + search];
  return found?.catch(() => patientFetch(request));
}

const raising: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    if (response.status === 401) signedOut.forEach((tell) => tell());
    throw await problemOf(response);
  },
};

declare global {
  interface Window {
    wyeEarly?: Record<string, Promise<Response>>;
  }
}

/** Calls the API directly: `await api.POST("/api/keys", { body })`. Throws `ApiError`. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: (request) => early(request) ?? patientFetch(request),
});
api.use(raising);

/** The API as hooks: `query.useQuery("get", "/api/usage", { params: { query: { by: "model" } } })`. */
export const query = createHooks(api);
