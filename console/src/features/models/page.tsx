import { Page } from "@/shared/ui/page";
export default function ModelsPage() {
  return <Page title="Models">soon</Page>;
}
