import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect } from "react";
import { onSignedOut } from "@/shared/api/client";
import { ApiError } from "@/shared/api/error";
import { Toasts, failed } from "@/shared/ui/toast";
import { TipProvider } from "@/shared/ui/tooltip";
import { router } from "./router";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What the gateway refused it will refuse again; what did not reach it may reach it now.
      retry: (count, error) => count < 1 && error instanceof ApiError && error.passes && error.status !== 429,
      retryDelay: 600,
    },
  },
  mutationCache: new MutationCache({
    // A form shows what failed beside its button, and says so with `meta: { quiet: true }`.
    onError: (error, _variables, _context, mutation) => {
      if (mutation.meta?.quiet !== true) failed(error);
    },
  }),
});

export function Providers() {
  useEffect(
    () => onSignedOut(() => void client.invalidateQueries({ queryKey: ["get", "/api/session"] })),
    [],
  );
  return (
    <QueryClientProvider client={client}>
      <TipProvider delayDuration={400} skipDelayDuration={200}>
        <RouterProvider router={router} />
        <Toasts />
      </TipProvider>
    </QueryClientProvider>
  );
}
