#include "sync/identity/retype.hpp"

#include "sync/core/json.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/row.hpp"
#include "sync/core/row_text.hpp"
#include "sync/identity/table_catalog.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <limits>
#include <vector>

namespace lakeferry::identity {

namespace {

rt::failure refused(const char* id, std::string why)
{
    return {.retry = rt::retry_class::never, .id = id, .detail = std::move(why)};
}

rt::outcome<core::table> find_table(store::store& in, std::uint32_t space, const std::string& name)
{
    auto all = known_tables(in, space);
    if (all.has_error()) return all.error();
    for (auto& t : *all)
        if (t.name == name) return std::move(t);
    return refused("retype.unknown", "The space has no table \"" + name + "\" so far: see its schema, or lakeferry status.");
}

// A value as it stands in a row; what it is, is what it looks like. Texts are read into `buffer`, numbers keep their digits.
core::cell cell_of(std::string_view json, std::string& buffer)
{
    if (json.starts_with('"')) {
        const auto text = boost::json::parse(boost::json::string_view(json.data(), json.size()));
        const auto range = core::append_cell(buffer, text);
        return core::at(buffer, range);
    }
    core::cell c{.kind = core::cell_kind::boolean, .json = json};
    if (json != "true" && json != "false")
        c.kind = json.find_first_of(".eE") == std::string_view::npos ? core::cell_kind::bigint : core::cell_kind::double_;
    return c;
}

struct parts {
    std::vector<core::row_member> members{};
    std::string inner{};  // text of the rescued object
    std::vector<core::row_member> rescued{};
};

parts split(std::string_view line)
{
    parts p;
    p.members = core::members_of(line);
    for (const auto& m : p.members) {
        if (m.name != core::rescued_column) continue;
        const auto text = boost::json::parse(boost::json::string_view(m.json.data(), m.json.size()));
        p.inner = std::string(text.as_string());
        p.rescued = core::members_of(p.inner);
    }
    return p;
}

}  // namespace

rt::outcome<core::column> retypable_column(store::store& in, std::uint32_t space, const std::string& table,
                                           const std::string& column)
{
    auto t = find_table(in, space, table);
    if (t.has_error()) return t.error();
    const auto* c = t->find(column);
    if (c == nullptr)
        return refused("retype.unknown", "Table " + table + " has no column \"" + column + "\" so far.");
    if (table == "profile_traits")
        return refused("retype.fixed", "The columns of profile_traits follow those of profile_traits_updates: change "
                                       "profile_traits_updates." + column + ".");
    if (c->comment != dynamic_column_comment(table, column))
        return refused("retype.fixed", "Column " + column + " of " + table + " is one of Lakeferry's own; its type is fixed.");
    return *c;
}

rt::outcome<void> change_column_type(store::store& in, std::uint32_t space, const std::string& table,
                                     const std::string& column, core::column_type to)
{
    auto t = find_table(in, space, table);
    if (t.has_error()) return t.error();
    for (auto& c : t->columns)
        if (c.name == column) c.type = to;
    store::batch changes;
    changes.put(store::family::schema, table_key(space, table), core::encode_table(*t));
    return in.write(std::move(changes), store::durable::yes);
}

std::string retype_row(std::string_view line, const std::string& column, core::column_type to, rewritten& counts)
{
    auto p = split(line);
    const auto of_column = [&](const core::row_member& m) { return m.name == column; };
    const auto value = std::find_if(p.members.begin(), p.members.end(), of_column);
    const auto saved = std::find_if(p.rescued.begin(), p.rescued.end(), of_column);
    if (value == p.members.end() && saved == p.rescued.end()) return std::string(line);
    ++counts.rows;
    std::string fitting;
    std::string unfit;
    std::string buffer;
    if (value != p.members.end()) {
        if (core::append_fitting(fitting, cell_of(value->json, buffer), to)) {
            value->json = fitting;
        } else {
            // Nothing is lost: it goes where values go that do not fit.
            unfit = value->json;
            p.members.erase(value);
            std::erase_if(p.rescued, of_column);
            p.rescued.push_back({column, unfit});
            ++counts.rescued;
        }
    } else if (core::append_fitting(fitting, cell_of(saved->json, buffer), to)) {
        p.rescued.erase(saved);
        p.members.push_back({column, fitting});
        ++counts.taken_back;
    } else {
        return std::string(line);
    }
    std::string quoted;
    std::erase_if(p.members, [](const core::row_member& m) { return m.name == core::rescued_column; });
    if (!p.rescued.empty()) {
        core::append_quoted(quoted, core::row_of(p.rescued));
        p.members.push_back({core::rescued_column, quoted});
    }
    return core::row_of(p.members);
}

rt::outcome<rewritten> rewrite_waiting_rows(store::store& in, std::uint32_t space, const std::string& table,
                                            const std::string& column)
{
    auto t = find_table(in, space, table);
    if (t.has_error()) return t.error();
    const auto* c = t->find(column);
    if (c == nullptr) return refused("retype.unknown", "Table " + table + " has no column \"" + column + "\" so far.");
    rewritten counts;
    for (const std::uint32_t number : {t->number, t->number | core::fill_lane}) {
        std::vector<std::string> keys;
        auto listed = in.scan(store::family::outbox, core::outbox_key(space, number, 0),
                              core::outbox_key(space, number, std::numeric_limits<std::uint64_t>::max()),
                              [&](std::string_view key, std::string_view) {
                                  keys.emplace_back(key);
                                  return true;
                              });
        if (listed.has_error()) return listed.error();
        for (const auto& key : keys) {
            auto stored = in.get(store::family::outbox, key);
            if (stored.has_error()) return stored.error();
            if (!stored->has_value()) continue;
            auto block = core::decode_outbox_block(**stored);
            if (block.has_error()) return block.error();
            const auto before = counts;
            core::outbox_block made{.rows = block->rows};
            for (std::string_view rest = block->lines; !rest.empty();) {
                const std::size_t end = std::min(rest.find('\n'), rest.size());
                const std::string row = retype_row(rest.substr(0, end), column, c->type, counts);
                if (row.find("\"_rescued_data\":") != std::string::npos) ++made.rescued;
                made.lines += row + "\n";
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
            if (counts.rows == before.rows) continue;
            store::batch changes;
            changes.put(store::family::outbox, key, core::encode_outbox_block(made));
            if (auto written = in.write(std::move(changes), store::durable::no); written.has_error())
                return written.error();
        }
    }
    return counts;
}

}  // namespace lakeferry::identity
