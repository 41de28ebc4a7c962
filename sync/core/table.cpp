#include "sync/core/table.hpp"

#include "sync/core/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>

namespace lakeferry::core {

namespace {

namespace json = boost::json;

struct type_name {
    column_type type;
    const char* sql;
};
constexpr std::array<type_name, 5> type_names{{{column_type::boolean, "BOOLEAN"},
                                               {column_type::bigint, "BIGINT"},
                                               {column_type::double_, "DOUBLE"},
                                               {column_type::timestamp, "TIMESTAMP"},
                                               {column_type::string, "STRING"}}};

rt::failure damaged(const char* what)
{
    return {.retry = rt::retry_class::never,
            .id = "schema.damaged",
            .detail = std::string("a stored table is not whole: ") + what};
}

void append_texts(std::string& to, const std::vector<std::string>& texts)
{
    to += '[';
    for (const auto& text : texts) {
        if (to.back() != '[') to += ',';
        append_quoted(to, text);
    }
    to += ']';
}

// false: something else than an array of texts.
bool read_texts(const json::object& from, const char* key, std::vector<std::string>& to)
{
    const auto* found = from.if_contains(key);
    const auto* array = found != nullptr ? found->if_array() : nullptr;
    if (array == nullptr) return false;
    for (const auto& item : *array) {
        if (!item.is_string()) return false;
        to.emplace_back(item.get_string().c_str());
    }
    return true;
}

bool read_text(const json::object& from, const char* key, std::string& to)
{
    const auto* found = from.if_contains(key);
    if (found == nullptr || !found->is_string()) return false;
    to = std::string(found->get_string().data(), found->get_string().size());
    return true;
}

}  // namespace

const char* sql_name(column_type t) noexcept
{
    for (const auto& known : type_names) {
        if (known.type == t) return known.sql;
    }
    return "STRING";
}

std::optional<column_type> column_type_of(std::string_view sql) noexcept
{
    for (const auto& known : type_names) {
        if (known.sql == sql) return known.type;
    }
    return std::nullopt;
}

const column* table::find(std::string_view column_name) const noexcept
{
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const column& c) { return c.name == column_name; });
    return found == columns.end() ? nullptr : &*found;
}

std::string encode_table(const table& t)
{
    std::string text = "{\"name\":";
    append_quoted(text, t.name);
    text += t.kind == table_kind::keyed ? ",\"kind\":\"keyed\"" : ",\"kind\":\"append\"";
    text += ",\"number\":" + std::to_string(t.number) + ",\"comment\":";
    append_quoted(text, t.comment);
    text += ",\"key\":";
    append_texts(text, t.key);
    text += ",\"cluster_by\":";
    append_texts(text, t.cluster_by);
    text += ",\"columns\":[";
    for (const auto& c : t.columns) {
        if (text.back() != '[') text += ',';
        text += "[";
        append_quoted(text, c.name);
        text += std::string(",\"") + sql_name(c.type) + "\",";
        append_quoted(text, c.comment);
        text += ']';
    }
    return text + "]}";
}

rt::outcome<table> decode_table(std::string_view stored)
{
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(stored.data(), stored.size()), ec);
    const auto* object = ec ? nullptr : value.if_object();
    if (object == nullptr) return damaged("not a JSON object");
    table t;
    std::string kind;
    if (!read_text(*object, "name", t.name) || !read_text(*object, "kind", kind) ||
        !read_text(*object, "comment", t.comment) || !read_texts(*object, "key", t.key) ||
        !read_texts(*object, "cluster_by", t.cluster_by))
        return damaged("name, kind, comment, key or cluster_by");
    if (kind != "keyed" && kind != "append") return damaged("kind");
    t.kind = kind == "keyed" ? table_kind::keyed : table_kind::append;
    const auto* number = object->if_contains("number");
    if (number == nullptr || !number->is_int64() || number->get_int64() < 0 || number->get_int64() > UINT32_MAX)
        return damaged("number");
    t.number = static_cast<std::uint32_t>(number->get_int64());
    const auto* columns = object->if_contains("columns");
    if (columns == nullptr || !columns->is_array()) return damaged("columns");
    for (const auto& item : columns->get_array()) {
        const auto* parts = item.if_array();
        if (parts == nullptr || parts->size() != 3) return damaged("a column");
        std::array<std::string, 3> texts{};
        for (std::size_t i = 0; i < 3; ++i) {
            if (!(*parts)[i].is_string()) return damaged("a column");
            texts.at(i) = std::string((*parts)[i].get_string().data(), (*parts)[i].get_string().size());
        }
        const auto type = column_type_of(texts[1]);
        if (!type) return damaged("the type of a column");
        t.columns.push_back({.name = texts[0], .type = *type, .comment = texts[2]});
    }
    return t;
}

}  // namespace lakeferry::core
