# How everything of ours is compiled.
add_library(lakeferry_options INTERFACE)
target_include_directories(lakeferry_options INTERFACE ${CMAKE_SOURCE_DIR})
# Everything that includes an Asio header must agree on these.
target_compile_definitions(lakeferry_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  LAKEFERRY_VERSION="${PROJECT_VERSION}")
target_compile_options(lakeferry_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wformat=2 -Wvla -Wimplicit-fallthrough -Wextra-semi
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety;-Wloop-analysis;-Wunreachable-code-aggressive;-Wno-missing-designated-field-initializers>
  $<$<BOOL:${LAKEFERRY_WERROR}>:-Werror>)

if(LAKEFERRY_SANITIZE)
  target_compile_options(lakeferry_options INTERFACE -fsanitize=${LAKEFERRY_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(lakeferry_options INTERFACE -fsanitize=${LAKEFERRY_SANITIZE})
  # Asio reuses coroutine frames and small blocks, which hides use-after-free from the sanitizers.
  target_compile_definitions(lakeferry_options INTERFACE
    BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
endif()
if(LAKEFERRY_FUZZ)
  target_compile_options(lakeferry_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(LAKEFERRY_HARDEN)
  target_compile_definitions(lakeferry_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_compile_options(lakeferry_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(lakeferry_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  include(CheckPIESupported)
  check_pie_supported()
endif()

# Most of the time of a build goes into reading the same heavy headers. Not for every build: a precompiled header hides
# an include that is missing.
option(LAKEFERRY_PCH "Precompile the headers that most sources include (clang only)" OFF)
set(lakeferry_common_headers <algorithm> <chrono> <functional> <map> <memory> <optional> <random> <string> <string_view>
  <unordered_map> <variant> <vector> <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
  <boost/asio/io_context.hpp> <boost/asio/use_awaitable.hpp> <boost/json.hpp>)
# lakeferry_precompile(name LINKS... ): the headers, and those in HEADERS, for targets that call lakeferry_precompiled.
function(lakeferry_precompile name)
  cmake_parse_arguments(arg "" "" "LINKS;HEADERS" ${ARGN})
  if(NOT LAKEFERRY_PCH)
    return()
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/${name}.cpp "")
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} lakeferry_options)
  # With a time in it ccache would see another header after every build.
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${name} PRIVATE ${lakeferry_common_headers} ${arg_HEADERS})
endfunction()
function(lakeferry_precompiled target by)
  if(LAKEFERRY_PCH)
    target_precompile_headers(${target} REUSE_FROM ${by})
  endif()
endfunction()
lakeferry_precompile(lakeferry_pch LINKS Boost::json)

# Two cores: at most two translation units at a time, many of them are heavy.
set_property(GLOBAL PROPERTY JOB_POOLS heavy=2)
