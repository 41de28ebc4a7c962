#include "sync/profiles/erasure_record.hpp"

#include "sync/core/hash.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/profiles/record_fields.hpp"

#include <array>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

constexpr std::string_view receipts = "erasure/";
constexpr std::string_view works = "erasing/";

constexpr std::array<std::pair<erasure_state, const char*>, 4> states{{{erasure_state::asked, "asked"},
                                                                       {erasure_state::cut, "cut"},
                                                                       {erasure_state::vacuum_due, "vacuum_due"},
                                                                       {erasure_state::complete, "complete"}}};

rt::failure damaged()
{
    return {.retry = rt::retry_class::never,
            .id = "erasures.damaged",
            .detail = "a record of an erasure cannot be read: restore the state directory"};
}

json::object encode(const erased_table& t)
{
    return {{"rows_removed", t.removed},
            {"rows_blanked", t.blanked},
            {"pending_removed", t.pending_removed},
            {"pending_blanked", t.pending_blanked},
            {"pending_slice", t.pending_slice},
            {"statement_ids", json::array(t.statements.begin(), t.statements.end())},
            {"at_us", t.at_us},
            {"vacuumed_us", t.vacuumed_us},
            {"error_id", t.error_id},
            {"error", t.error}};
}

erased_table decode_table(const json::object& o)
{
    return {.removed = number_of(o, "rows_removed"),
            .blanked = number_of(o, "rows_blanked"),
            .pending_removed = number_of(o, "pending_removed"),
            .pending_blanked = number_of(o, "pending_blanked"),
            .pending_slice = number_of(o, "pending_slice"),
            .statements = texts_of(o, "statement_ids"),
            .at_us = signed_of(o, "at_us"),
            .vacuumed_us = signed_of(o, "vacuumed_us"),
            .error_id = text_of(o, "error_id"),
            .error = text_of(o, "error")};
}

erasure decode(const json::object& o)
{
    erasure e;
    e.number = number_of(o, "number");
    e.request = text_of(o, "request");
    for (const auto& [state, name] : states)
        if (o.at("state").as_string() == name) e.state = state;
    e.suppress = o.at("suppress").as_bool();
    e.vacuum = o.at("vacuum").as_bool();
    e.dry_run = o.at("dry_run").as_bool();
    e.asked_us = signed_of(o, "asked_us");
    e.cut_us = signed_of(o, "cut_us");
    e.deleted_us = signed_of(o, "deleted_us");
    e.completed_us = signed_of(o, "completed_us");
    e.vacuum_due_us = signed_of(o, "vacuum_due_us");
    e.salt = text_of(o, "salt");
    e.asked = texts_of(o, "asked");
    e.unknown = number_of(o, "unknown");
    e.people = number_of(o, "people");
    e.segment_ids = number_of(o, "segment_ids");
    e.identifiers = number_of(o, "identifiers");
    for (const auto& one : o.at("local").as_object()) e.local[std::string(one.key())] = one.value().to_number<std::uint64_t>();
    for (const auto& one : o.at("tables").as_object())
        e.tables[std::string(one.key())] = decode_table(one.value().as_object());
    e.staged_files = number_of(o, "staged_files");
    e.attempts = o.at("attempts").to_number<unsigned>();
    e.error_id = text_of(o, "error_id");
    e.error = text_of(o, "error");
    return e;
}

json::array encode(const std::vector<core::person_key>& keys)
{
    json::array out;
    for (const auto& k : keys) out.push_back(json::array{k.type, k.value});
    return out;
}

std::vector<core::person_key> decode_keys(const json::value& from)
{
    std::vector<core::person_key> out;
    for (const auto& one : from.as_array())
        out.push_back({std::string(one.as_array().at(0).as_string()), std::string(one.as_array().at(1).as_string())});
    return out;
}

}  // namespace

const char* to_string(erasure_state s) noexcept
{
    for (const auto& [state, name] : states)
        if (state == s) return name;
    return "asked";
}

std::uint64_t erasure::rows_removed() const noexcept
{
    std::uint64_t sum = 0;
    for (const auto& [name, t] : tables) sum += t.removed;
    return sum;
}

std::uint64_t erasure::rows_blanked() const noexcept
{
    std::uint64_t sum = 0;
    for (const auto& [name, t] : tables) sum += t.blanked;
    return sum;
}

std::string to_json(const erasure& e)
{
    json::object tables;
    for (const auto& [name, t] : e.tables) tables[name] = encode(t);
    json::object local;
    for (const auto& [name, n] : e.local) local[name] = n;
    return json::serialize(json::object{{"number", e.number},
                                        {"request", e.request},
                                        {"state", to_string(e.state)},
                                        {"suppress", e.suppress},
                                        {"vacuum", e.vacuum},
                                        {"dry_run", e.dry_run},
                                        {"asked_us", e.asked_us},
                                        {"cut_us", e.cut_us},
                                        {"deleted_us", e.deleted_us},
                                        {"completed_us", e.completed_us},
                                        {"vacuum_due_us", e.vacuum_due_us},
                                        {"salt", e.salt},
                                        {"asked", json::array(e.asked.begin(), e.asked.end())},
                                        {"unknown", e.unknown},
                                        {"people", e.people},
                                        {"segment_ids", e.segment_ids},
                                        {"identifiers", e.identifiers},
                                        {"rows_removed", e.rows_removed()},
                                        {"rows_blanked", e.rows_blanked()},
                                        {"local", std::move(local)},
                                        {"tables", std::move(tables)},
                                        {"staged_files", e.staged_files},
                                        {"attempts", e.attempts},
                                        {"error_id", e.error_id},
                                        {"error", e.error}});
}

rt::outcome<erasure> erasure_from_json(std::string_view stored) { return read_record(stored, damaged(), decode); }

std::string receipt_hash(std::string_view salt, const core::person_key& who)
{
    return core::sha256_hex(std::string(salt) + who.type + ":" + who.value);
}

std::string erasure_book::key(std::string_view kind, std::uint64_t number) const
{
    std::string out = core::space_meta_key(space_, kind);
    core::append_be64(out, number);
    return out;
}

rt::outcome<std::vector<erasure>> erasure_book::all()
{
    std::vector<erasure> out;
    std::optional<rt::failure> bad;
    const std::string from = core::space_meta_key(space_, receipts);
    auto scanned = store_.scan(store::family::meta, from, core::prefix_end(from),
                               [&](std::string_view, std::string_view value) {
                                   auto one = erasure_from_json(value);
                                   if (one.has_error()) bad = one.error();
                                   else out.push_back(std::move(*one));
                                   return !bad;
                               });
    if (scanned.has_error()) return scanned.error();
    if (bad) return *bad;
    return out;
}

rt::outcome<std::optional<erasure>> erasure_book::find(std::uint64_t number)
{
    auto stored = store_.get(store::family::meta, key(receipts, number));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value()) return std::optional<erasure>();
    auto read = erasure_from_json(**stored);
    if (read.has_error()) return read.error();
    return std::optional<erasure>(std::move(*read));
}

rt::outcome<std::optional<erasure_work>> erasure_book::work(std::uint64_t number)
{
    auto stored = store_.get(store::family::meta, key(works, number));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value()) return std::optional<erasure_work>();
    auto read = read_record(**stored, damaged(), [](const json::object& o) {
        erasure_work w;
        w.asked = decode_keys(o.at("asked"));
        w.barrier = number_of(o, "barrier");
        w.cut_batch = number_of(o, "cut_batch");
        w.who.segments = texts_of(o, "segments");
        w.who.identifiers = decode_keys(o.at("identifiers"));
        return w;
    });
    if (read.has_error()) return read.error();
    return std::optional<erasure_work>(std::move(*read));
}

rt::outcome<void> erasure_book::begin(erasure& fresh, const erasure_work& whom)
{
    const std::string from = core::space_meta_key(space_, receipts);
    auto last = store_.last(store::family::meta, from, core::prefix_end(from));
    if (last.has_error()) return last.error();
    fresh.number = last->has_value() ? core::read_be64((**last).first, from.size()) + 1 : 1;
    store::batch changes;
    save(changes, fresh);
    save(changes, fresh.number, whom);
    return store_.write(std::move(changes), store::durable::yes);
}

rt::outcome<void> erasure_book::save(const erasure& e)
{
    store::batch changes;
    save(changes, e);
    return store_.write(std::move(changes), store::durable::yes);
}

void erasure_book::save(store::batch& to, const erasure& e) const
{
    to.put(store::family::meta, key(receipts, e.number), to_json(e));
}

void erasure_book::save(store::batch& to, std::uint64_t number, const erasure_work& whom) const
{
    to.put(store::family::meta, key(works, number),
           json::serialize(json::object{{"asked", encode(whom.asked)},
                                        {"barrier", whom.barrier},
                                        {"cut_batch", whom.cut_batch},
                                        {"segments", json::array(whom.who.segments.begin(), whom.who.segments.end())},
                                        {"identifiers", encode(whom.who.identifiers)}}));
}

void erasure_book::forget_work(store::batch& to, std::uint64_t number) const
{
    to.remove(store::family::meta, key(works, number));
}

}  // namespace lakeferry::profiles
