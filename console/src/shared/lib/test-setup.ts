// What is tested is logic, without a page; but what it stands beside asks for an address and a screen.
const place = new URL("http://127.0.0.1:8080/console/");
Object.assign(globalThis, {
  location: place,
  matchMedia: (media: string) => Object.assign(new EventTarget(), { matches: false, media, onchange: null }),
});
