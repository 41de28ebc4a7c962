// Writing SQL text safely: the only functions that put outside text between quotes.
// Databricks' public docs: SQL language reference, "Identifiers", "STRING type" (literals), "Comments".
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lakeferry::databricks {

// `name`, inner backticks doubled.
std::string quote_identifier(std::string_view name);

// 'text', read back as exactly these bytes: quotes, backslashes, control characters and "${" are escaped.
std::string quote_string(std::string_view text);

// `catalog`.`schema`.`name`; empty leading parts are left out.
std::string qualified(std::string_view catalog, std::string_view schema, std::string_view name);
std::string qualified(std::string_view catalog, std::string_view schema);

// "a, b, c" of what `each` makes of every item, with `between` between them; empty for no items.
template <class Items, class F>
std::string join(const Items& items, std::string_view between, F&& each)
{
    std::string out;
    bool first = true;
    for (const auto& item : items) {
        if (!std::exchange(first, false)) out += between;
        out += each(item);
    }
    return out;
}

// "/* lakeferry space=acme run=17 load=tracks-9 */\n" to begin a statement with, so that it can be found in the
// query history. Empty parts are left out; anything but letters, digits and _ . : - becomes "_".
std::string comment_header(std::string_view space, std::string_view run, std::string_view load);

}  // namespace lakeferry::databricks
