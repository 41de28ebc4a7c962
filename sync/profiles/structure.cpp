#include "sync/profiles/structure.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <utility>

namespace lakeferry::profiles {

namespace {

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

// A column as one number: its name without case, and in the last bits its type.
constexpr std::uint64_t type_bits = 7;
constexpr std::uint64_t other_type = type_bits;

std::uint64_t name_mark(std::string_view column) { return std::hash<std::string>{}(lower(column)) & ~type_bits; }

// A statement has a limit of 16 MiB. This is room for some hundred tables.
constexpr std::size_t script_bytes = 1U << 20;

// How many of the parts one script takes: at least one.
std::size_t parts_that_fit(std::span<const std::string> parts)
{
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (count < parts.size() && (count == 0 || bytes + parts[count].size() <= script_bytes))
        bytes += parts[count++].size();
    return count;
}

std::uint64_t mark(std::string_view name, std::optional<core::column_type> type)
{
    return name_mark(name) | (type ? static_cast<std::uint64_t>(*type) : other_type);
}

std::optional<core::column_type> type_of(std::string_view text)
{
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return core::column_type_of(upper);
}

std::vector<std::uint64_t> marks_of(const std::vector<core::column>& columns)
{
    std::vector<std::uint64_t> out;
    out.reserve(columns.size());
    for (const auto& c : columns) out.push_back(mark(c.name, c.type));
    std::sort(out.begin(), out.end());
    return out;
}

// The mark of the column of this name, whatever its type; nullopt: there is none.
std::optional<std::uint64_t> find_mark(const std::vector<std::uint64_t>& marks, std::string_view column)
{
    const std::uint64_t wanted = name_mark(column);
    const auto found = std::lower_bound(marks.begin(), marks.end(), wanted);
    if (found == marks.end() || (*found & ~type_bits) != wanted) return std::nullopt;
    return *found;
}

bool is_table(std::string_view type) noexcept { return type.empty() || type == "EXTERNAL"; }

// Columns without which a table of this name is somebody else's.
std::vector<std::string> own_columns(const core::table& wanted)
{
    auto own = wanted.key;
    const std::string order(wanted.kind == core::table_kind::keyed ? "seq" : row_key(wanted));
    if (wanted.find(order) != nullptr) own.push_back(order);  // the fence table has none
    std::erase_if(own, [&](const std::string& name) { return wanted.find(name) == nullptr; });
    return own;
}

rt::failure foreign(const place& at, const std::string& name, const std::string& why)
{
    return {rt::retry_class::never, "table.foreign",
            at.table(name) + " is not a table of Lakeferry's: " + why +
                ". Rename or drop it, or give this space another schema; its rows wait"};
}

rt::failure other_type_of(const place& at, const core::table& wanted, const core::column& column, std::uint64_t found)
{
    const auto code = found & type_bits;
    const std::string there =
        code == other_type ? "another type" : core::sql_name(static_cast<core::column_type>(code));
    const std::string path = wanted.name + "." + column.name;
    return {rt::retry_class::never, "table.column_type",
            "column " + column.name + " of " + at.table(wanted.name) + " has " + there + " there, and Lakeferry writes " +
                core::sql_name(column.type) + ": somebody changed it. Change it back" +
                (code == other_type ? std::string() : ", or keep the new type: lakeferry retype SPACE " + path + " " + there) +
                "; the rows of this table wait, the other tables land"};
}

}  // namespace

rt::awaitable<rt::outcome<void>> structure::send(std::string text, rt::deadline limit)
{
    databricks::statement what;
    what.text = std::move(text);
    what.warehouse_id = warehouse_id_;
    ++sent_;
    std::optional<phase_meter::turn> busy;
    if (meter_ != nullptr) busy.emplace(*meter_);
    auto done = co_await sql_.run(std::move(what), limit);
    if (done.has_error()) co_return done.error();
    co_return boost::system::in_place_value;
}

void structure::note(const databricks::table_info& seen)
{
    relation known;
    known.columns.reserve(seen.columns.size());
    for (const auto& c : seen.columns) known.columns.push_back(mark(c.name, type_of(c.type_text)));
    std::sort(known.columns.begin(), known.columns.end());
    if (seen.type != "MANAGED") known.type = seen.type;
    if (known.type == "VIEW") known.comment = seen.comment;
    const auto without = [](const databricks::column_info& c) { return c.comment.empty(); };
    known.bare = is_table(known.type) &&
                 (seen.comment.empty() || std::any_of(seen.columns.begin(), seen.columns.end(), without));
    relations_.insert_or_assign(lower(seen.name), std::move(known));
}

rt::awaitable<rt::outcome<void>> structure::read(bool with_volume, rt::deadline limit)
{
    auto& door = sql_.door();
    auto schema = co_await databricks::get_schema(door, at_.catalog, at_.schema, limit);
    if (schema.has_error()) co_return schema.error();
    schema_exists_ = schema->has_value();
    relations_.clear();
    volume_exists_ = false;
    volume_problem_.clear();
    if (schema_exists_) {
        auto tables = co_await databricks::list_tables(door, at_.catalog, at_.schema, limit);
        if (tables.has_error()) co_return tables.error();
        for (const auto& t : *tables) note(t);
        if (with_volume) {
            auto volume = co_await databricks::get_volume(door, at_.catalog, at_.schema, at_.volume, limit);
            if (volume.has_error()) co_return volume.error();
            volume_exists_ = volume->has_value();
        }
    }
    read_ = true;
    co_return boost::system::in_place_value;
}

bool structure::take_bare(const std::string& name)
{
    const auto known = relations_.find(lower(name));
    return known != relations_.end() && std::exchange(known->second.bare, false);
}

bool structure::has_table(const std::string& name) const { return relations_.contains(lower(name)); }

rt::awaitable<rt::outcome<void>> structure::ensure_fence_table(statement_label label, rt::deadline limit)
{
    const auto wanted = fence_table_definition();
    const auto known = relations_.find(wanted.name);
    if (known == relations_.end()) {
        auto made = co_await send(create_fence_table(at_, owner_, label), limit);
        if (made.has_error()) co_return made.error();
        relations_[wanted.name] = {.columns = marks_of(wanted.columns)};
        co_return boost::system::in_place_value;
    }
    // Made by a version that knew fewer columns.
    co_return co_await ensure_table(wanted, label, limit);
}

rt::awaitable<rt::outcome<void>> structure::know(bool with_volume, rt::deadline limit)
{
    if (read_) co_return boost::system::in_place_value;
    co_return co_await read(with_volume, limit);
}

rt::awaitable<rt::outcome<void>> structure::ensure_schema(bool with_volume, statement_label label, rt::deadline limit)
{
    auto known = co_await know(with_volume, limit);
    if (known.has_error()) co_return known.error();
    // CREATE SCHEMA IF NOT EXISTS needs a privilege even where the schema exists: hence the look before.
    if (!schema_exists_) {
        auto made = co_await send(create_schema(at_, label), limit);
        if (made.has_error()) co_return made.error();
        schema_exists_ = true;
    }
    if (with_volume && !volume_exists_ && volume_problem_.empty()) {
        auto made = co_await send(create_volume(at_, label), limit);
        if (made.has_error() && made.error().id != "permission.missing") co_return made.error();
        volume_exists_ = made.has_value();
        volume_refused_ = made.has_error();
        if (made.has_error()) volume_problem_ = made.error().detail;
    }
    co_return co_await ensure_fence_table(label, limit);
}

struct structure::script_plan {
    std::vector<std::string> parts{};
    bool fence = false;
    bool volume = false;
    std::vector<const view*> views{};
};

// The fence table comes before all that only the holder of the lease may make. The volume comes last: without rights on
// it the other parts are still made.
structure::script_plan structure::plan(const wanted_parts& wanted) const
{
    script_plan out;
    if (!schema_exists_) out.parts.push_back(schema_part(at_));
    out.fence = !relations_.contains(std::string(fence_table));
    if (out.fence) out.parts.push_back(fence_table_part(at_, owner_));
    for (const auto& t : wanted.tables) out.parts.push_back(table_part(at_, t));
    out.volume = wanted.volume && !volume_exists_ && volume_problem_.empty() && !volume_refused_;
    if (out.parts.empty() && !out.volume) return out;  // views alone are made one by one, if they can be made at all
    for (const auto& v : wanted.views)
        if (!view_refused_ && view_missing(v, wanted.tables)) out.views.push_back(&v);
    for (const auto* v : out.views) out.parts.push_back(view_part(at_, *v));
    if (out.volume) out.parts.push_back(volume_part(at_));
    return out;
}

rt::awaitable<rt::outcome<void>> structure::make_together(wanted_parts wanted, statement_label label,
                                                          rt::deadline limit)
{
    if (relations_.contains(std::string(fence_table))) {
        // A view shows its columns, which one of an earlier version lacks.
        auto whole = co_await ensure_fence_table(label, limit);
        if (whole.has_error()) co_return whole.error();
    }
    const auto all = plan(wanted);
    if (all.parts.size() < 2 || !takes_scripts()) co_return boost::system::in_place_value;
    for (std::size_t from = 0; from < all.parts.size();) {
        const auto count = parts_that_fit(std::span(all.parts).subspan(from));
        auto made = co_await send(set_up_script(std::span(all.parts).subspan(from, count), label), limit);
        if (made.has_error()) {
            forget();  // how far it came is for a new look to say
            note_if_no_scripts(made.error());
            co_return made.error();
        }
        from += count;
    }
    schema_exists_ = true;
    if (all.volume) volume_exists_ = true;
    if (all.fence) relations_[std::string(fence_table)] = {.columns = marks_of(fence_table_definition().columns)};
    for (const auto& t : wanted.tables) relations_[lower(t.name)] = {.columns = marks_of(t.columns)};
    for (const auto* v : all.views) relations_[lower(v->name)] = {.type = "VIEW", .comment = v->comment};
    co_return boost::system::in_place_value;
}

bool structure::view_missing(const view& v, const std::vector<core::table>& soon) const
{
    const auto known = relations_.find(lower(v.name));
    // The comment names what the view is made from, so it tells one form from another.
    if (known != relations_.end() && (known->second.type != "VIEW" || known->second.comment == v.comment)) return false;
    return std::all_of(v.needs.begin(), v.needs.end(), [&](const std::string& needed) {
        return needed == fence_table || relations_.contains(needed) ||
               std::any_of(soon.begin(), soon.end(), [&](const auto& t) { return lower(t.name) == needed; });
    });
}

rt::outcome<std::vector<core::column>> structure::missing_in(const relation& known, const core::table& wanted) const
{
    if (!is_table(known.type)) return foreign(at_, wanted.name, "it is a " + known.type);
    for (const auto& name : own_columns(wanted))
        if (!find_mark(known.columns, name)) return foreign(at_, wanted.name, "it has no column " + name);
    std::vector<core::column> missing;
    for (const auto& c : wanted.columns) {
        const auto there = find_mark(known.columns, c.name);
        if (!there)
            missing.push_back(c);
        else if (*there != mark(c.name, c.type))
            return other_type_of(at_, wanted, c, *there);
    }
    return missing;
}

rt::awaitable<rt::outcome<void>> structure::ensure_table(core::table wanted, statement_label label, rt::deadline limit)
{
    const std::string name = lower(wanted.name);
    const auto known = relations_.find(name);
    if (known == relations_.end()) {
        auto made = co_await send(create_table(at_, wanted, label), limit);
        if (made.has_error()) co_return made.error();
        relations_[name] = {.columns = marks_of(wanted.columns)};
        co_return boost::system::in_place_value;
    }
    auto missing = missing_in(known->second, wanted);
    if (missing.has_value() && missing->empty()) co_return boost::system::in_place_value;
    auto added = missing.has_error() ? rt::outcome<void>(missing.error())
                                     : co_await send(add_columns(at_, wanted.name, *missing, label), limit);
    if (missing.has_error() || (added.has_error() && added.error().id == "column.exists")) {
        // What we know is out of date: somebody else changed the table, or our own ALTER came through twice. Look again,
        // then add the rest.
        auto table = co_await databricks::get_table(sql_.door(), at_.catalog, at_.schema, wanted.name, limit);
        if (table.has_error()) co_return table.error();
        if (!table->has_value()) co_return added.error();
        note(**table);
        missing = missing_in(relations_.at(name), wanted);
        if (missing.has_error()) co_return missing.error();
        added = missing->empty() ? rt::outcome<void>(boost::system::in_place_value)
                                 : co_await send(add_columns(at_, wanted.name, *missing, label), limit);
    }
    if (added.has_error()) co_return added.error();
    auto& marks = relations_[name].columns;
    for (const auto& c : *missing) marks.push_back(mark(c.name, c.type));
    std::sort(marks.begin(), marks.end());
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<std::vector<std::string>>> structure::ensure_views(std::vector<view> wanted, statement_label label,
                                                                             rt::deadline limit)
{
    std::vector<std::string> taken;
    for (const auto& v : wanted) {
        const auto known = relations_.find(lower(v.name));
        if (known != relations_.end() && known->second.type != "VIEW") taken.push_back(v.name);
        if (!view_missing(v, {})) continue;
        auto made = co_await send(create_view(at_, v, label), limit);
        view_refused_ = made.has_error();
        if (made.has_error()) co_return made.error();
        relations_[lower(v.name)] = {.type = "VIEW", .comment = v.comment};
    }
    co_return taken;
}

}  // namespace lakeferry::profiles
