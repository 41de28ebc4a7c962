// Any text as a name: the result is a legal column or table name, and naming it again changes nothing.
#include "sync/core/names.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace lakeferry::core;

namespace {

void must(bool ok)
{
    if (!ok) std::abort();
}

bool legal(std::string_view name)
{
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
    const std::string segment = segment_name(text);
    must(legal(segment) && segment_name(segment) == segment);
    const std::string snake = snake_case(text);
    must(snake.empty() || (legal(snake) && snake_case(snake) == snake));

    const std::string column = column_name(text);
    must(legal(column) && column.size() <= name_characters_max && !is_reserved_column(column));
    must(!column.starts_with("context_"));
    const std::string table = event_table_name(text);
    must(legal(table) && table.size() <= name_characters_max && !is_reserved_table(table));
    const std::string_view path[] = {text.substr(0, size / 2), text.substr(size / 2)};
    const std::string context = context_column_name(path);
    must(legal(context) && context.size() <= name_characters_max && context.starts_with("context_"));
    return 0;
}
