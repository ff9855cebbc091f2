/** What the gateway said was wrong. `status` is 0 where it said nothing at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    readonly param: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the same question may be answered another time. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

interface Told {
  error?: { message?: unknown; code?: unknown; param?: unknown };
}

/** Read an answer that is an error, in whatever form it came. */
export async function problemOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("x-request-id");
  const wait = Number(response.headers.get("retry-after"));
  let told: Told = {};
  try {
    told = (await response.json()) as Told;
  } catch {
    // Something between us and the gateway answered; its status is all there is.
  }
  const { message, code, param } = told.error ?? {};
  return new ApiError(
    response.status,
    typeof code === "string" ? code : `http_${response.status}`,
    typeof message === "string" ? sentence(message) : `The gateway answered with status ${response.status}.`,
    requestId,
    typeof param === "string" ? param : null,
    wait > 0 ? wait : null,
  );
}

/** What to tell of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong.";
}

function sentence(text: string): string {
  const whole = text.trim();
  const begun = whole.charAt(0).toUpperCase() + whole.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
