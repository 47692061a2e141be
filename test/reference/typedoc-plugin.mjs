// What typedoc leaves out of a page: the class of an error that is thrown, and a name for options that are
// taken apart where they come in.
import { Converter, ReflectionKind } from "typedoc";

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      if (reflection.kindOf(ReflectionKind.Parameter) && reflection.name === "__namedParameters")
        reflection.name = "options";
      for (const tag of reflection.comment?.blockTags ?? [])
        if (tag.tag === "@throws" && tag.typeAnnotation)
          tag.content.unshift(
            { kind: "code", text: `\`${tag.typeAnnotation.replace(/^\{|\}$/g, "")}\`` },
            { kind: "text", text: " " },
          );
    }
  });
}
