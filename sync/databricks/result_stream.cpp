#include "sync/databricks/result_stream.hpp"

#include "sync/core/json.hpp"
#include "sync/databricks/json_fields.hpp"

#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <utility>

namespace lakeferry::databricks {

namespace json = boost::json;
using rt::failure;
using rt::retry_class;

namespace {

constexpr unsigned link_attempts = 4;
constexpr std::size_t piece_bytes_max = std::size_t{256} << 20U;

failure bad_answer(const std::string& what)
{
    return {retry_class::transient, "statement.bad_answer", "The workspace's answer about a result cannot be understood: " + what + "."};
}

std::string path_of(const std::string& id) { return "/api/2.0/sql/statements/" + http::encode_component(id); }

// Where one piece is: rows in the answer itself, or a link.
struct piece_place {
    std::string inline_rows{};
    std::string link{};
    std::vector<std::pair<std::string, std::string>> fields{};
    std::int64_t rows = 0;
};

std::optional<piece_place> read_place(const json::value& answer)
{
    const auto* object = answer.if_object();
    if (object == nullptr) return std::nullopt;
    piece_place place;
    if (const auto* rows = fields::array(*object, "data_array")) {
        place.inline_rows = json::serialize(*rows);
        place.rows = static_cast<std::int64_t>(rows->size());
        return place;
    }
    const auto* links = fields::array(*object, "external_links");
    const auto* link = links == nullptr || links->empty() ? nullptr : links->front().if_object();
    if (link == nullptr) return std::nullopt;
    place.link = fields::text(*link, "external_link");
    place.rows = fields::integer(*link, "row_count");
    if (const auto* extra = fields::object(*link, "http_headers"))
        for (const auto& [name, value] : *extra)
            if (value.is_string()) place.fields.emplace_back(std::string(name), std::string(value.get_string()));
    return place;
}

rt::awaitable<rt::outcome<json::value>> ask(workspace& door, const std::string& id, std::string path, rt::deadline limit)
{
    call_options options;
    options.limit = limit;
    options.target = resource::statement;
    options.name = id;
    co_return co_await door.call_json("GET", std::move(path), {}, std::move(options));
}

// The bytes behind a link. No Authorization: the storage refuses requests that have one.
rt::awaitable<rt::outcome<std::string>> download(http::client& client, const piece_place& place, rt::deadline limit)
{
    auto where = split_link(place.link);
    if (!where) co_return bad_answer("a link to a result is no https address");
    http::request request{.method = "GET", .target = where->second};
    for (const auto& [name, value] : place.fields) request.fields.set(name, value);
    const std::string host = where->first.host;
    http::send_options options;
    options.limit = limit;
    options.replayable = true;
    options.response_limit = piece_bytes_max;
    auto answer = co_await client.send(std::move(where->first), std::move(request), options);
    if (answer.has_error())
        co_return failure{retry_class::transient, "statement.link_unreachable",
                          "The result lies at " + host + ", which could not be reached from here (" + answer.error().detail +
                              "): allow this machine to reach the workspace's storage"};
    if (answer->status != 200)
        co_return failure{retry_class::transient, "statement.link_refused",
                          "The storage at " + host + " refused a link to the result with status " + std::to_string(answer->status)};
    co_return std::move(answer->body);
}

// One piece, with fresh links where one has expired or broke.
rt::awaitable<rt::outcome<std::string>> fetch_piece(workspace& door, http::client& client, const std::string& id,
                                                    std::int64_t index, rt::deadline limit)
{
    for (unsigned attempt = 1;; ++attempt) {
        auto answer = co_await ask(door, id, path_of(id) + "/result/chunks/" + std::to_string(index), limit);
        if (answer.has_error()) co_return answer.error();
        auto place = read_place(*answer);
        if (!place) co_return bad_answer("a piece of a result has neither rows nor a link");
        if (place->link.empty()) co_return std::move(place->inline_rows);
        auto bytes = co_await download(client, *place, limit);
        if (bytes.has_value() || bytes.error().retry == retry_class::never || attempt == link_attempts) co_return bytes;
        co_await rt::sleep_for(door.clock(), std::chrono::seconds(attempt));
    }
}

rt::outcome<std::uint64_t> hand_out(const std::string& bytes, const stream_options& options)
{
    std::uint64_t rows = 0;
    core::json_reader reader;
    std::optional<failure> failed;
    result_row row;
    const auto broken = core::split_array(bytes, [&](std::string_view item) {
        const auto parsed = reader.parse(item);
        const auto* cells = parsed.has_value() ? (*parsed)->if_array() : nullptr;
        if (cells == nullptr) {
            failed = bad_answer("a row of a result is no array");
            return false;
        }
        row.clear();
        for (const auto& cell : *cells) {
            if (cell.is_null()) row.emplace_back(std::nullopt);
            else if (const auto* text = cell.if_string()) row.emplace_back(std::string(text->data(), text->size()));
            else row.emplace_back(core::compact(cell));
        }
        ++rows;
        if (auto done = options.on_row(row); done.has_error()) failed = done.error();
        return !failed.has_value();
    });
    if (failed) return *failed;
    if (broken) return bad_answer("a piece of a result is no array of rows");
    return rows;
}

}  // namespace

std::optional<std::pair<http::origin, std::string>> split_link(std::string_view link)
{
    const auto parsed = boost::urls::parse_uri({link.data(), link.size()});
    if (parsed.has_error() || parsed->has_userinfo() || parsed->host().empty()) return std::nullopt;
    const std::string scheme(parsed->scheme().data(), parsed->scheme().size());
    std::string host = parsed->host();
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (scheme != "https" && !(scheme == "http" && (host == "127.0.0.1" || host == "localhost" || host == "::1"))) return std::nullopt;
    const std::string port(parsed->port().data(), parsed->port().size());
    const auto encoded = parsed->encoded_target();
    std::string target(encoded.data(), encoded.size());
    if (!target.starts_with('/')) target.insert(0, "/");
    return std::pair(http::origin{scheme, host, !port.empty() ? port : scheme == "https" ? "443" : "80"}, std::move(target));
}

rt::awaitable<rt::outcome<void>> read_large(statements& with, http::client& client, statement what, stream_options options)
{
    what.external_links = true;
    auto& door = with.door();
    const auto slot = co_await with.admit(what.warehouse_id, options.limit);
    if (slot.has_error()) co_return slot.error();
    auto id = co_await with.submit(std::move(what), options.limit);
    if (id.has_error()) co_return id.error();
    wait_options waiting;
    waiting.cancel_at_deadline = true;
    waiting.fetch_rows = false;
    auto ended = co_await with.wait(*id, options.limit, std::move(waiting));
    if (ended.has_error()) co_return ended.error();
    auto about = co_await ask(door, *id, path_of(*id), options.limit);
    if (about.has_error()) co_return about.error();
    const auto* object = about->if_object();
    const auto* manifest = object == nullptr ? nullptr : fields::object(*object, "manifest");
    if (manifest == nullptr) co_return bad_answer("it has no manifest");
    const auto pieces = fields::integer(*manifest, "total_chunk_count");
    const auto announced = static_cast<std::uint64_t>(fields::integer(*manifest, "total_row_count"));
    if (options.on_total) options.on_total(announced);
    std::uint64_t rows = 0;
    for (std::int64_t i = 0; i < pieces; ++i) {
        auto bytes = co_await fetch_piece(door, client, *id, i, options.limit);
        if (bytes.has_error()) co_return bytes.error();
        auto handed = hand_out(*bytes, options);
        if (handed.has_error()) co_return handed.error();
        rows += *handed;
    }
    if (rows != announced || fields::boolean(*manifest, "truncated"))
        co_return failure{retry_class::transient, "statement.rows_missing",
                          "The result of the statement " + *id + " was announced with " + std::to_string(announced) + " rows and came with " +
                              std::to_string(rows)};
    co_return rt::outcome<void>();
}

}  // namespace lakeferry::databricks
