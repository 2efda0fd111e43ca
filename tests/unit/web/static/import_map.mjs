// Node module hooks: resolve imports as the pages do, by their import map (IMPORT_MAP: {prefix: URL below static}).
import { register } from "node:module";

if (!process.env.IMPORT_MAP_HOOKS) {
  process.env.IMPORT_MAP_HOOKS = "registered";
  register(import.meta.url);
}

const imports = JSON.parse(process.env.IMPORT_MAP);

export async function resolve(specifier, context, next) {
  for (const [prefix, url] of Object.entries(imports)) {
    if (specifier === prefix || (prefix.endsWith("/") && specifier.startsWith(prefix))) {
      return { url: url + specifier.slice(prefix.length), format: "module", shortCircuit: true };
    }
  }
  const resolved = await next(specifier, context);
  return resolved.url.endsWith(".js") ? { ...resolved, format: "module" } : resolved;
}
