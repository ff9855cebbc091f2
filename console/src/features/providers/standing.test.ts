import { describe, expect, it } from "vitest";
import type { Provider } from "@/shared/llm/LLMContext";
import { barsOf, changesBetween, gravestBreaker, gravestFirst, groupOf, toldParts } from "./standing";

const CLOSED = { state: "CLOSED", failureCount: 0, until: null } as const;

function provider(id: string, more: Partial<Provider> = {}): Provider {
  return {
    id,
    name: id,
    status: "connected",
    available: true,
    enabled: true,
    reason: null,
    circuitBreaker: CLOSED,
    keys: [],
    needs: null,
    adapter: "openai_chat",
    baseUrl: null,
    defaultModel: null,
    local: false,
    models: 1,
    asked: {},
    requests: 0,
    lastAnswerAt: null,
    lastError: null,
    ...more,
  };
}

describe("groups", () => {
  it("keeps one that was switched off among those in use, where it can be switched on", () => {
    const off = provider("a", { enabled: false, status: "unconfigured", needs: "it is disabled" });
    expect(groupOf(off)).toBe("used");
  });
  it("tells what is asked only by name from what lacks a key", () => {
    expect(groupOf(provider("a", { status: "unconfigured" }))).toBe("named");
    expect(groupOf(provider("a", { status: "unconfigured", needs: "set A_KEY" }))).toBe("missing");
  });
});

describe("order", () => {
  it("puts trouble first, then who is asked the most, then by name; switched off last", () => {
    const rows = [
      provider("off", { enabled: false, status: "unavailable" }),
      provider("b"),
      provider("a"),
      provider("busy"),
      provider("slow", { status: "degraded" }),
      provider("down", { status: "unavailable" }),
    ];
    const calls = (id: string) => (id === "busy" ? 9 : 0);
    expect(gravestFirst(rows, calls).map((one) => one.id)).toEqual(["down", "slow", "busy", "a", "b", "off"]);
  });
});

describe("breakers", () => {
  it("shows the worst of a provider's and its models'", () => {
    const open = { state: "OPEN", failureCount: 3, until: 5 } as const;
    const half = { state: "HALF_OPEN", failureCount: 3, until: null } as const;
    const asked = { circuitBreaker: open } as unknown as Provider["asked"][string];
    expect(gravestBreaker(provider("a", { circuitBreaker: half, asked: { "a/m": asked } }))).toBe(open);
    expect(gravestBreaker(provider("a"))).toBe(CLOSED);
  });
});

describe("changes", () => {
  it("tells of one that breaks and comes back", () => {
    const well = [provider("Acme")];
    const broken = [provider("Acme", { status: "unavailable", reason: "3 failures in a row" })];
    expect(changesBetween(well, broken, 7)).toEqual([
      { at: 7, provider: "Acme", tone: "bad", text: "Acme is unavailable: 3 failures in a row" },
    ]);
    expect(changesBetween(broken, well, 8)[0]?.text).toBe("Acme answers again");
  });
  it("tells of switches, and says nothing where nothing changed or one is new", () => {
    const off = [provider("Acme", { enabled: false, status: "unconfigured", needs: "off" })];
    expect(changesBetween([provider("Acme")], off, 1)[0]?.text).toBe("Acme was switched off");
    expect(changesBetween(off, [provider("Acme")], 1)[0]?.text).toBe("Acme was switched on");
    expect(changesBetween(off, off, 1)).toEqual([]);
    expect(changesBetween([], off, 1)).toEqual([]);
  });
});

describe("what a test told", () => {
  it("is taken apart into what happened, its code and what to do", () => {
    expect(
      toldParts("401 from there [provider_authentication_failed]: check the key: it was refused"),
    ).toEqual({
      what: "401 from there",
      code: "provider_authentication_failed",
      advice: "check the key: it was refused",
    });
    expect(toldParts("set A_KEY [configuration_error]").advice).toBeNull();
    expect(toldParts("19 models")).toEqual({ what: "19 models", code: null, advice: null });
  });
});

describe("bars", () => {
  it("are as many as asked for at most, with every hour in one of them", () => {
    const period = { since: "2026-11-01T00:00:00Z", until: "2026-11-03T00:00:00Z" };
    const hour = (time: string, calls: number, failedCalls: number, of = "a") => ({
      hour: time,
      provider: of,
      calls,
      failedCalls,
    });
    const bars = barsOf(
      [
        hour("2026-11-01T00:00:00Z", 1, 0),
        hour("2026-11-01T01:00:00Z", 2, 1),
        hour("2026-11-02T23:00:00Z", 4, 4),
        hour("2026-11-02T23:00:00Z", 100, 0, "b"),
      ],
      "a",
      period,
    );
    expect(bars).toHaveLength(24);
    expect(bars[0]).toEqual({ calls: 3, failed: 1 });
    expect(bars[23]).toEqual({ calls: 4, failed: 4 });
    expect(bars.slice(1, 23).every((bar) => bar.calls === 0)).toBe(true);
  });
});
