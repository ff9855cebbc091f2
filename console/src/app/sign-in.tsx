import { useMutation } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";
import { useSession } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Field, Input } from "@/shared/ui/field";
import { ErrorLine } from "@/shared/ui/states";

export function SignIn() {
  const { signIn } = useSession();
  const [key, setKey] = useState("");
  const trying = useMutation({ mutationFn: signIn, meta: { quiet: true } });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    trying.mutate(key.trim());
  };
  return (
    <main className="flex min-h-dvh items-center justify-center px-4">
      <title>Sign in · Wye</title>
      <form onSubmit={submit} className="w-full max-w-sm rounded-lg border bg-panel p-6">
        <svg viewBox="0 0 32 32" className="mb-3 size-7 text-accent" aria-hidden>
          <path
            d="M16 29V17M16 17C16 10 7 11 6 3M16 17C16 10 25 11 26 3"
            fill="none"
            stroke="currentColor"
            strokeWidth="4"
            strokeLinecap="round"
          />
        </svg>
        <h1 className="text-lg font-semibold tracking-tight">Sign in to Wye</h1>
        <p className="mb-4 text-sm text-soft">
          With the admin key of this gateway, or a key that was given to you.
        </p>
        <div className="flex flex-col gap-3">
          <Field
            label="Key"
            hint="The admin key is WYE_ADMIN_KEY; `wye keys create` makes others. It is not kept in the browser."
          >
            <Input
              type="password"
              autoComplete="current-password"
              required
              value={key}
              onChange={(event) => setKey(event.target.value)}
              placeholder="wye-sk-…"
              className="font-mono"
            />
          </Field>
          <ErrorLine error={trying.error} />
          <Button type="submit" look="primary" busy={trying.isPending} disabled={key.trim() === ""}>
            Sign in
          </Button>
        </div>
      </form>
    </main>
  );
}
