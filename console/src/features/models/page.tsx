export { ModelsPage as default } from "./ModelsPage";
