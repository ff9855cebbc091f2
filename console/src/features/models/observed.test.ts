import { expect, test } from "vitest";
import { type Observed, mostAskedFirst } from "./observed";

const model = (fullId: string, more = {}) => ({ fullId, deprecated: false, available: true, ...more });

test("what is asked most comes first, what retires after what stays, what cannot be asked last", () => {
  const models = [
    model("a/gone", { available: false }),
    model("b/old", { deprecated: true }),
    model("c"),
    model("d"),
  ];
  const observed = new Map([
    ["d", { requests: 3 } as Observed],
    ["a/gone", { requests: 9 } as Observed],
  ]);
  expect(mostAskedFirst(models, observed).map((one) => one.fullId)).toEqual(["d", "c", "b/old", "a/gone"]);
});
