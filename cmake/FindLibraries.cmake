# Debian's RocksDBConfig.cmake asks for development files of every compression library it was
# linked with. Linking the shared library by name needs none of them.
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
find_path(ROCKSDB_INCLUDE_DIR rocksdb/db.h REQUIRED)
add_library(rocksdb_shared INTERFACE)
target_include_directories(rocksdb_shared SYSTEM INTERFACE ${ROCKSDB_INCLUDE_DIR})
target_link_libraries(rocksdb_shared INTERFACE ${ROCKSDB_LIBRARY})

find_library(LIBDEFLATE_LIBRARY deflate REQUIRED)
add_library(libdeflate INTERFACE)
target_link_libraries(libdeflate INTERFACE ${LIBDEFLATE_LIBRARY})

find_library(LIBZSTD_LIBRARY zstd REQUIRED)
add_library(libzstd INTERFACE)
target_link_libraries(libzstd INTERFACE ${LIBZSTD_LIBRARY})

find_library(LIBRDKAFKA_LIBRARY rdkafka REQUIRED)
add_library(librdkafka INTERFACE)
target_link_libraries(librdkafka INTERFACE ${LIBRDKAFKA_LIBRARY})
