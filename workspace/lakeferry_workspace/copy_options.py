"""What may stand in the clauses of COPY INTO, and globs as Hadoop reads them."""
import re

from .errors import SqlError, unsupported

FORMATS = ("CSV", "JSON", "AVRO", "ORC", "PARQUET", "TEXT", "BINARYFILE")
COPY = {"force", "mergeschema"}
GENERIC = {"ignorecorruptfiles", "ignoremissingfiles", "modifiedafter", "modifiedbefore", "pathglobfilter", "recursivefilelookup", "filenamepattern",
           "mergeschema", "inferschema"}
TEXTUAL = {"columnnameofcorruptrecord", "dateformat", "encoding", "charset", "linesep", "locale", "mode", "multiline", "prefersdecimal",
           "timestampformat", "timestampntzformat", "timezone", "infertimestamp", "samplingratio"}
KNOWN = {
    "JSON": TEXTUAL | {"allowbackslashescapinganycharacter", "allowcomments", "allownonnumericnumbers", "allownumericleadingzeros",
                       "allowsinglequotes", "allowunquotedcontrolchars", "allowunquotedfieldnames", "dropfieldifallnull", "primitivesasstring",
                       "singlevariantcolumn"},
    "CSV": TEXTUAL | {"sep", "delimiter", "quote", "escape", "chartoescapequoteescaping", "comment", "header", "emptyvalue", "nullvalue",
                      "nanvalue", "positiveinf", "negativeinf", "ignoreleadingwhitespace", "ignoretrailingwhitespace", "maxcharspercolumn",
                      "maxcolumns", "unescapedquotehandling", "enforceschema", "preferdate", "enabledatetimeparsingfallback"},
    "TEXT": {"encoding", "linesep", "wholetext"},
    "PARQUET": {"datetimerebasemode", "int96rebasemode"},
    "AVRO": {"avroschema", "datetimerebasemode", "compression"},
    "ORC": set(), "BINARYFILE": set(),
}
ABSENT = {"rescueddatacolumn", "badrecordspath", "readercasesensitive", "schemahints"}  # Databricks has them and Spark has not


def check(file_format: str, options: dict, copy_options: dict):
    """Options by their names as written; an unknown one is refused, because what is ignored is believed to work."""
    if file_format.upper() not in FORMATS:
        raise SqlError("[COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED] The format of the source files must be one of CSV, JSON, AVRO, ORC, "
                       f"PARQUET, TEXT, or BINARYFILE, not {file_format}. Using COPY INTO on Delta tables as the source is not supported as "
                       "duplicate data may be ingested after OPTIMIZE operations. SQLSTATE: 0A000", "0A000")
    if missing := [o for o in options if o.lower() in ABSENT]:
        raise unsupported(f"the option {missing[0]} of COPY INTO")
    wrong = [o for o in options if o.lower() not in GENERIC | KNOWN[file_format.upper()]] + [o for o in copy_options if o.lower() not in COPY]
    if wrong:
        raise SqlError(f"[CF_UNKNOWN_OPTION_KEYS_ERROR] Found unknown option keys: {', '.join(wrong)}. Please make sure that all provided option "
                       "keys are correct. SQLSTATE: 42000", "42000")
    for name, value in copy_options.items():
        if value.lower() not in ("true", "false"):
            raise SqlError(f"[INVALID_PARAMETER_VALUE] The value of the copy option {name} must be 'true' or 'false', not '{value}'. "
                           "SQLSTATE: 22023", "22023")


def glob(pattern: str) -> re.Pattern:
    """* and ? inside a folder's name, [a-c], [^a], {x,y}."""
    out, i, braces = "", 0, 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\" and i + 1 < len(pattern):
            i += 1
            out += re.escape(pattern[i])
        elif c in "*?":
            out += "[^/]" + ("*" if c == "*" else "")
        elif c == "[" and "]" in pattern[i + 2:]:
            end = pattern.index("]", i + 2)
            inner = pattern[i + 1:end]
            out += "[" + ("^" if inner[0] in "!^" else "") + inner.lstrip("!^").replace("\\", "\\\\").replace("[", "\\[") + "]"
            i = end
        elif c == "{":
            braces, out = braces + 1, out + "(?:"
        elif c == "}" and braces:
            braces, out = braces - 1, out + ")"
        elif c == "," and braces:
            out += "|"
        else:
            out += re.escape(c)
        i += 1
    try:
        return re.compile(out, re.S)
    except re.error as error:
        raise SqlError(f"[INVALID_PARAMETER_VALUE] '{pattern}' is not a valid pattern ({error}). SQLSTATE: 22023", "22023") from None
