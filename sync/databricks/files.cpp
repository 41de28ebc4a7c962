#include "sync/databricks/files.hpp"

#include "sync/databricks/json_fields.hpp"

#include <utility>

namespace lakeferry::databricks {

namespace {

constexpr unsigned pages_max = 10000;

call_options about(const std::string& path, rt::deadline limit)
{
    call_options out;
    out.limit = limit;
    out.retry_for = std::chrono::minutes(15);
    out.target = resource::file;
    out.name = path;
    out.content_type = "application/octet-stream";
    return out;
}

std::string file_target(const std::string& path)
{
    return "/api/2.0/fs/files" + http::encode_path(path);
}

std::string directory_target(const std::string& path)
{
    return "/api/2.0/fs/directories" + http::encode_path(path);
}

// Absent is what was wanted; an absent volume is not.
bool is_absent(const rt::failure& why)
{
    return why.id == "file.not_found";
}

rt::outcome<void> done_unless(const rt::outcome<http::response>& answer)
{
    if (answer.has_error()) return answer.error();
    return {};
}

rt::awaitable<rt::outcome<bool>> exists(workspace& door, std::string target, std::string path, rt::deadline limit)
{
    auto answer = co_await door.call("HEAD", std::move(target), {}, about(path, limit));
    if (answer.has_value()) co_return true;
    // A HEAD has no body: an absent volume looks like an absent file.
    if (is_not_found(answer.error())) co_return false;
    co_return answer.error();
}

void read_entries(const boost::json::object& page, std::vector<file_entry>& out)
{
    const auto* contents = fields::array(page, "contents");
    if (contents == nullptr) return;
    for (const auto& one : *contents) {
        const auto* entry = one.if_object();
        if (entry == nullptr) continue;
        const auto size = fields::integer(*entry, "file_size");
        out.push_back({fields::text(*entry, "path"), fields::text(*entry, "name"), fields::boolean(*entry, "is_directory"),
                       size < 0 ? 0 : static_cast<std::uint64_t>(size), fields::integer(*entry, "last_modified")});
    }
}

}  // namespace

std::string volume_root(std::string_view catalog, std::string_view schema, std::string_view volume)
{
    std::string out = "/Volumes/";
    return out.append(catalog).append("/").append(schema).append("/").append(volume);
}

rt::awaitable<rt::outcome<void>> put_file(workspace& door, std::string path, std::string body, rt::deadline limit)
{
    auto options = about(path, limit);
    options.attempt_timeout = std::chrono::minutes(10);
    auto answer = co_await door.call("PUT", file_target(path) + "?overwrite=true", std::move(body), std::move(options));
    co_return done_unless(answer);
}

rt::awaitable<rt::outcome<std::string>> get_file(workspace& door, std::string path, rt::deadline limit, std::size_t bytes_max)
{
    auto options = about(path, limit);
    options.attempt_timeout = std::chrono::minutes(10);
    options.response_limit = bytes_max;
    options.expects_json = false;
    auto answer = co_await door.call("GET", file_target(path), {}, std::move(options));
    if (answer.has_error()) co_return answer.error();
    co_return std::move(answer->body);
}

rt::awaitable<rt::outcome<void>> remove_file(workspace& door, std::string path, rt::deadline limit)
{
    auto answer = co_await door.call("DELETE", file_target(path), {}, about(path, limit));
    if (answer.has_error() && is_absent(answer.error())) co_return rt::outcome<void>();
    co_return done_unless(answer);
}

rt::awaitable<rt::outcome<void>> remove_directory(workspace& door, std::string path, rt::deadline limit)
{
    auto answer = co_await door.call("DELETE", directory_target(path), {}, about(path, limit));
    if (answer.has_error() && is_absent(answer.error())) co_return rt::outcome<void>();
    co_return done_unless(answer);
}

rt::awaitable<rt::outcome<std::vector<file_entry>>> list_directory(workspace& door, std::string path, rt::deadline limit)
{
    std::vector<file_entry> out;
    std::string token;
    for (unsigned page = 0; page < pages_max; ++page) {
        auto target = directory_target(path) + "?page_size=1000";
        if (!token.empty()) target += "&page_token=" + http::encode_component(token);
        auto answer = co_await door.call_json("GET", std::move(target), {}, about(path, limit));
        if (answer.has_error()) {
            if (is_absent(answer.error())) break;
            co_return answer.error();
        }
        const auto* object = answer->if_object();
        if (object == nullptr) break;
        read_entries(*object, out);  // may be short or empty and still have a next page
        token = fields::text(*object, "next_page_token");
        if (token.empty()) break;
    }
    co_return out;
}

rt::awaitable<rt::outcome<void>> make_directory(workspace& door, std::string path, rt::deadline limit)
{
    auto answer = co_await door.call("PUT", directory_target(path), {}, about(path, limit));
    co_return done_unless(answer);
}

rt::awaitable<rt::outcome<bool>> file_exists(workspace& door, std::string path, rt::deadline limit)
{
    return exists(door, file_target(path), path, limit);
}

rt::awaitable<rt::outcome<bool>> directory_exists(workspace& door, std::string path, rt::deadline limit)
{
    return exists(door, directory_target(path), path, limit);
}

}  // namespace lakeferry::databricks
