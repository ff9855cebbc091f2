import { EmptyState } from "@/shared/ui/states";
import { Page } from "@/shared/ui/page";

export default function ConversationsPage() {
  return (
    <Page title="Conversations">
      <EmptyState title="This page is not built yet">
        The API under /api has what it will show; see /api/docs.
      </EmptyState>
    </Page>
  );
}
