/** Stands in for react-style-singleton: what it would write into <style> elements is in app.css. */
const nothing = () => null;

export const styleSingleton = () => nothing;
export const styleHookSingleton = () => () => undefined;
export const stylesheetSingleton = () => ({ add: () => undefined, remove: () => undefined });
