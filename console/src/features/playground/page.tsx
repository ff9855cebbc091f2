import { EmptyState } from "@/shared/ui/states";
import { Page } from "@/shared/ui/page";

export default function PlaygroundPage() {
  return (
    <Page title="Playground">
      <EmptyState title="This page is not built yet">
        The API under /api has what it will show; see /api/docs.
      </EmptyState>
    </Page>
  );
}
