#include "sync/core/json.hpp"
#include "tests/support/fake_databricks/fake_tables.hpp"

#include <boost/json/serialize.hpp>
#include <zlib.h>

#include <array>

namespace lakeferry::fake_databricks {

namespace {

std::optional<std::string> gunzip(std::string_view bytes)
{
    z_stream z{};
    if (inflateInit2(&z, 15 + 32) != Z_OK) return std::nullopt;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    std::array<char, 65536> buffer{};
    int rc = Z_OK;
    for (;;) {
        z.next_out = reinterpret_cast<Bytef*>(buffer.data());
        z.avail_out = static_cast<uInt>(buffer.size());
        rc = inflate(&z, Z_NO_FLUSH);
        out.append(buffer.data(), buffer.size() - z.avail_out);
        if (rc == Z_STREAM_END && z.avail_in > 0) {  // several members, as concatenated files have
            if (inflateReset(&z) != Z_OK) break;
            continue;
        }
        if (rc != Z_OK) break;
    }
    inflateEnd(&z);
    if (rc != Z_STREAM_END) return std::nullopt;
    return out;
}

// Numbers keep their digits: an integer of any size arrives exactly.
cell to_cell(const boost::json::value& v)
{
    if (v.is_null()) return std::nullopt;
    if (v.is_string()) return std::string(v.get_string().data(), v.get_string().size());
    return boost::json::serialize(v);
}

row to_row(const boost::json::object& in)
{
    row out;
    for (const auto& [key, value] : in) out[std::string(key.data(), key.size())] = to_cell(value);
    return out;
}

}  // namespace

std::optional<std::vector<row>> read_ndjson(std::string_view bytes)
{
    std::string plain;
    if (bytes.size() > 1 && bytes[0] == '\x1f' && bytes[1] == '\x8b') {
        auto out = gunzip(bytes);
        if (!out) return std::nullopt;
        plain = std::move(*out);
        bytes = plain;
    }
    core::json_reader reader;  // its doubles are exact, as those of Parquet files are
    std::vector<row> out;
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto line = bytes.substr(0, end);
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        if (line.empty()) continue;
        const auto value = reader.parse(line);
        if (value.has_error() || !(*value)->is_object()) return std::nullopt;
        out.push_back(to_row((*value)->get_object()));
    }
    return out;
}

std::optional<std::vector<row>> read_json_rows(std::string_view json)
{
    core::json_reader reader;
    const auto value = reader.parse(json);
    if (value.has_error() || !(*value)->is_array()) return std::nullopt;
    std::vector<row> out;
    for (const auto& one : (*value)->get_array()) {
        if (!one.is_object()) return std::nullopt;
        out.push_back(to_row(one.get_object()));
    }
    return out;
}

}  // namespace lakeferry::fake_databricks
