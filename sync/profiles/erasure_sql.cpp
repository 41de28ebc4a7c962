#include "sync/profiles/erasure_sql.hpp"

#include "sync/core/hash.hpp"
#include "sync/core/row.hpp"
#include "sync/databricks/sql.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace {

using databricks::join;
using databricks::quote_identifier;
using databricks::quote_string;

std::string header(const statement_label& label, std::string_view what)
{
    return databricks::comment_header(label.space, "erasure-" + std::to_string(label.run), what);
}

std::string in_list(const std::vector<std::string>& values)
{
    return " IN (" + join(values, ", ", [](const auto& v) { return quote_string(v); }) + ")";
}

std::string hashed(std::string_view expression, const erasure_slice& who, const std::vector<std::string>& hashes)
{
    return "sha2(concat(" + quote_string(who.salt) + ", CAST(" + std::string(expression) + " AS STRING)), 256)" +
           in_list(hashes);
}

std::string external_match(const erasure_slice& who)
{
    return "exists(from_json(" + quote_identifier(external_ids_column) + ", 'array<struct<id:string>>'), x -> " +
           hashed("x.id", who, who.any) + ")";
}

std::string rescued_match(const erasure_slice& who)
{
    return "exists(map_values(from_json(" + quote_identifier(core::rescued_column) + ", 'map<string,string>')), x -> " +
           hashed("x", who, who.any) + ")";
}

// One of the profile's columns names one of the people. Empty: none can.
std::string of_people(const erasure_target& t, const erasure_slice& who)
{
    if (who.segments.empty()) return {};
    return join(t.profile, " OR ", [&](const auto& c) { return quote_identifier(c) + in_list(who.segments); });
}

// One of the identifier columns has an identifier of theirs. Empty: none can.
std::string named(const erasure_target& t, const erasure_slice& who)
{
    if (!t.events) return {};
    std::vector<std::string> parts;
    for (const auto& column : t.identifiers)
        if (const auto at = who.by_column.find(column); at != who.by_column.end())
            parts.push_back(hashed(quote_identifier(column), who, at->second));
    if (t.external_ids && !who.any.empty()) parts.push_back(external_match(who));
    if (t.rescued && !who.any.empty()) parts.push_back(rescued_match(who));
    return join(parts, " OR ", [](const auto& p) { return p; });
}

std::string to_remove(const erasure_target& t, const erasure_slice& who)
{
    const std::string theirs = of_people(t, who);
    const std::string by_name = named(t, who);
    if (by_name.empty()) return theirs.empty() ? "false" : theirs;
    return (theirs.empty() ? "" : theirs + " OR ") + "(`segment_id` IS NULL AND (" + by_name + "))";
}

std::string to_blank(const erasure_target& t, const erasure_slice& who)
{
    const std::string by_name = named(t, who);
    if (by_name.empty()) return "false";
    std::string out = "`segment_id` IS NOT NULL AND ";
    if (!who.segments.empty()) out += "NOT (`segment_id`" + in_list(who.segments) + ") AND ";
    if (t.processed) out += "`uuid_ts` <= CAST(" + quote_string(who.cut) + " AS TIMESTAMP) AND ";
    return out + "(" + by_name + ")";
}

}  // namespace

std::vector<erasure_slice> slices_of(const core::people& who, const columns_of_type& columns, const std::string& salt,
                                     const std::string& cut)
{
    const auto count = std::max<std::size_t>(
        1, (std::max(who.segments.size(), who.identifiers.size()) + erasure_slice_max - 1) / erasure_slice_max);
    std::vector<erasure_slice> out(count);
    for (auto& one : out) {
        one.salt = salt;
        one.cut = cut;
    }
    for (std::size_t i = 0; i < who.segments.size(); ++i) out[i / erasure_slice_max].segments.push_back(who.segments[i]);
    for (std::size_t i = 0; i < who.identifiers.size(); ++i) {
        auto& slice = out[i / erasure_slice_max];
        const std::string hash = core::sha256_hex(salt + who.identifiers[i].value);
        for (const auto& column : columns(who.identifiers[i].type)) slice.by_column[column].push_back(hash);
        slice.any.push_back(hash);
    }
    return out;
}

std::string census(const place& at, std::span<const erasure_target> targets, const erasure_slice& who,
                   const statement_label& label)
{
    return header(label, "census") + join(targets, "\nUNION ALL\n", [&](const erasure_target& t) {
               const std::string remove = to_remove(t, who);
               const std::string blank = to_blank(t, who);
               return "SELECT " + quote_string(t.name) + " AS table_name, count_if(" + remove + ") AS removed, count_if(" +
                      blank + ") AS blanked FROM " + at.table(t.name) + " WHERE (" + remove + ") OR (" + blank + ")";
           });
}

std::string event_tables_of(const place& at, const erasure_target& tracks, const erasure_slice& who,
                            const statement_label& label)
{
    return header(label, "event_tables") + "SELECT DISTINCT `event` FROM " + at.table(tracks.name) + " WHERE (" +
           to_remove(tracks, who) + ") OR (" + to_blank(tracks, who) + ")";
}

std::string delete_rows(const place& at, const erasure_target& t, const erasure_slice& who, const statement_label& label)
{
    return header(label, "delete-" + t.name) + "DELETE FROM " + at.table(t.name) + " WHERE " + to_remove(t, who);
}

std::string blank_rows(const place& at, const erasure_target& t, const erasure_slice& who, const statement_label& label)
{
    std::vector<std::string> sets;
    const auto set = [&sets](std::string_view column, const std::string& match, const std::string& then) {
        const std::string name = quote_identifier(column);
        sets.push_back(name + " = CASE WHEN " + match + " THEN " + then + " ELSE " + name + " END");
    };
    for (const auto& column : t.identifiers)
        if (const auto found = who.by_column.find(column); found != who.by_column.end())
            set(column, hashed(quote_identifier(column), who, found->second), "NULL");
    if (t.external_ids && !who.any.empty())
        set(external_ids_column, external_match(who),
            "to_json(filter(from_json(" + quote_identifier(external_ids_column) +
                ", 'array<map<string,string>>'), x -> NOT coalesce(" + hashed("x['id']", who, who.any) + ", false)))");
    if (t.rescued && !who.any.empty())
        set(core::rescued_column, rescued_match(who),
            "to_json(map_filter(from_json(" + quote_identifier(core::rescued_column) +
                ", 'map<string,string>'), (k, x) -> NOT coalesce(" + hashed("x", who, who.any) + ", false)))");
    return header(label, "blank-" + t.name) + "UPDATE " + at.table(t.name) + " SET " +
           join(sets, ", ", [](const auto& s) { return s; }) + " WHERE " + to_blank(t, who);
}

std::string purge(const place& at, std::string_view table, const statement_label& label)
{
    return header(label, "purge-" + std::string(table)) + "REORG TABLE " + at.table(table) + " APPLY (PURGE)";
}

std::string vacuum(const place& at, std::string_view table, const statement_label& label)
{
    return header(label, "vacuum-" + std::string(table)) + "VACUUM " + at.table(table);
}

}  // namespace lakeferry::profiles
