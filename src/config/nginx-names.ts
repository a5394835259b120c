// Names that nginx 1.31 knows and lbproxy does not yet: who has them in a file did not misspell anything. Read only when a name is unknown.

/** Directives of the core and of the http modules, and the blocks of the others. */
const DIRECTIVES = `
  acceptex_read add_after_body add_before_body add_header add_header_inherit add_trailer add_trailer_inherit addition_types
  aio_write allow ancient_browser ancient_browser_value auth_basic auth_basic_user_file auth_delay auth_request auth_request_set
  autoindex autoindex_exact_size autoindex_format autoindex_localtime charset_map charset_types client_body_early_read
  create_full_put_path dav_access dav_methods debug_points degradation degrade deny devpoll_changes
  devpoll_events directio_alignment disable_symlinks early_hints empty_gif epoll_events errmsg error_page eventport_events
  fastcgi_bind fastcgi_cache
  fastcgi_cache_background_update fastcgi_cache_bypass fastcgi_cache_key fastcgi_cache_lock fastcgi_cache_lock_age
  fastcgi_cache_lock_timeout fastcgi_cache_max_range_offset fastcgi_cache_methods fastcgi_cache_min_uses fastcgi_cache_path
  fastcgi_cache_revalidate fastcgi_cache_use_stale fastcgi_cache_valid
  fastcgi_force_ranges
  fastcgi_no_cache
  fastcgi_send_lowat
  fastcgi_socket_rcvbuf fastcgi_socket_sndbuf
  fastcgi_store fastcgi_store_access flv geoip_city geoip_country geoip_org
  geoip_proxy geoip_proxy_recursive google_perftools_profiles grpc_bind grpc_buffer_size grpc_connect_timeout grpc_hide_header
  grpc_ignore_headers grpc_intercept_errors grpc_next_upstream grpc_next_upstream_timeout grpc_next_upstream_tries grpc_pass
  grpc_pass_header grpc_read_timeout grpc_send_timeout grpc_set_header grpc_socket_keepalive grpc_socket_rcvbuf
  grpc_socket_sndbuf grpc_ssl_certificate grpc_ssl_certificate_cache grpc_ssl_certificate_key grpc_ssl_ciphers
  grpc_ssl_conf_command grpc_ssl_crl grpc_ssl_name grpc_ssl_password_file grpc_ssl_protocols grpc_ssl_server_name
  grpc_ssl_session_reuse grpc_ssl_trusted_certificate grpc_ssl_verify grpc_ssl_verify_depth gunzip gunzip_buffers gzip_hash
  gzip_no_buffer gzip_static gzip_window hash http2_body_preread_size http2_chunk_size http2_idle_timeout
  http2_max_concurrent_pushes http2_max_concurrent_streams http2_max_field_size http2_max_header_size http2_max_requests
  http2_pool_size http2_push http2_push_preload http2_recv_buffer_size http2_recv_timeout http2_streams_index_size http3
  http3_hq http3_max_concurrent_streams http3_stream_buffer_size ignore_invalid_headers image_filter image_filter_buffer
  image_filter_interlace image_filter_jpeg_quality image_filter_sharpen image_filter_transparency image_filter_webp_quality
  internal iocp_threads keepalive_min_timeout kqueue_changes kqueue_events least_time limit_conn limit_conn_dry_run
  limit_conn_log_level limit_conn_status limit_conn_zone limit_except limit_rate limit_rate_after limit_req limit_req_dry_run
  limit_req_log_level limit_req_status limit_req_zone load_module log_subrequest mail memcached_bind memcached_buffer_size
  memcached_connect_timeout memcached_gzip_flag memcached_next_upstream memcached_next_upstream_timeout
  memcached_next_upstream_tries memcached_pass memcached_read_timeout memcached_send_timeout memcached_socket_keepalive
  merge_slashes min_delete_depth mirror mirror_request_body modern_browser modern_browser_value mp4 mp4_buffer_size
  mp4_max_buffer_size mp4_start_key_frame msie_refresh open_file_cache_events override_charset pass perl perl_modules
  perl_require perl_set post_acceptex post_action postpone_gzipping preread_buffer_size preread_timeout proxy_bind proxy_cache
  proxy_cache_background_update proxy_cache_bypass proxy_cache_convert_head proxy_cache_key proxy_cache_lock
  proxy_cache_lock_age proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_methods proxy_cache_min_uses
  proxy_cache_path proxy_cache_revalidate proxy_cache_use_stale proxy_cache_valid proxy_cookie_domain proxy_cookie_flags
  proxy_cookie_path proxy_download_rate proxy_force_ranges proxy_half_close proxy_ignore_headers proxy_intercept_errors
  proxy_limit_rate proxy_no_cache proxy_pass_trailers proxy_protocol
  proxy_recursive proxy_send_lowat proxy_socket_rcvbuf proxy_socket_sndbuf proxy_ssl proxy_ssl_alpn
  proxy_store proxy_store_access proxy_timeout
  proxy_upload_rate quic_active_connection_id_limit quic_bpf quic_gso quic_host_key quic_retry random random_index
  real_ip_header real_ip_recursive recursive_error_pages referer_hash_bucket_size referer_hash_max_size rewrite_log satisfy
  scgi_bind scgi_buffer_size scgi_buffering scgi_buffers scgi_busy_buffers_size scgi_cache scgi_cache_background_update
  scgi_cache_bypass scgi_cache_key scgi_cache_lock scgi_cache_lock_age scgi_cache_lock_timeout scgi_cache_max_range_offset
  scgi_cache_methods scgi_cache_min_uses scgi_cache_path scgi_cache_revalidate scgi_cache_use_stale scgi_cache_valid
  scgi_connect_timeout scgi_force_ranges scgi_hide_header scgi_ignore_client_abort scgi_ignore_headers scgi_intercept_errors
  scgi_limit_rate scgi_max_temp_file_size scgi_next_upstream scgi_next_upstream_timeout scgi_next_upstream_tries scgi_no_cache
  scgi_param scgi_pass scgi_pass_header scgi_pass_request_body scgi_pass_request_headers scgi_read_timeout
  scgi_request_buffering scgi_send_timeout scgi_socket_keepalive scgi_socket_rcvbuf scgi_socket_sndbuf scgi_store
  scgi_store_access scgi_temp_file_write_size secure_link secure_link_md5 secure_link_secret send_lowat
  set_real_ip_from slice source_charset ssi ssi_ignore_recycled_buffers ssi_last_modified ssi_min_file_chunk
  ssi_silent_errors ssi_types ssi_value_length ssl_alpn ssl_buffer_size ssl_certificate_cache ssl_certificate_compression
  ssl_client_certificate ssl_conf_command ssl_crl ssl_early_data ssl_ech_file ssl_object_cache_inheritable ssl_ocsp
  ssl_ocsp_cache ssl_ocsp_responder ssl_password_file ssl_preread ssl_reject_handshake ssl_session_ticket_key ssl_stapling
  ssl_stapling_file ssl_stapling_responder ssl_stapling_verify ssl_trusted_certificate ssl_verify_client ssl_verify_depth sticky
  stream stub_status sub_filter sub_filter_last_modified sub_filter_once sub_filter_types subrequest_output_buffer_size timefmt
  try_files tunnel_bind tunnel_buffer_size tunnel_connect_timeout tunnel_next_upstream tunnel_next_upstream_timeout
  tunnel_next_upstream_tries tunnel_pass tunnel_read_timeout tunnel_send_lowat tunnel_send_timeout tunnel_socket_keepalive
  tunnel_socket_rcvbuf tunnel_socket_sndbuf underscores_in_headers uninitialized_variable_warn userid userid_domain
  userid_expires userid_flags userid_mark userid_name userid_p3p userid_path userid_service uwsgi_bind uwsgi_buffer_size
  uwsgi_buffering uwsgi_buffers uwsgi_busy_buffers_size uwsgi_cache uwsgi_cache_background_update uwsgi_cache_bypass
  uwsgi_cache_key uwsgi_cache_lock uwsgi_cache_lock_age uwsgi_cache_lock_timeout uwsgi_cache_max_range_offset
  uwsgi_cache_methods uwsgi_cache_min_uses uwsgi_cache_path uwsgi_cache_revalidate uwsgi_cache_use_stale uwsgi_cache_valid
  uwsgi_connect_timeout uwsgi_force_ranges uwsgi_hide_header uwsgi_ignore_client_abort uwsgi_ignore_headers
  uwsgi_intercept_errors uwsgi_limit_rate uwsgi_max_temp_file_size uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream
  uwsgi_next_upstream_timeout uwsgi_next_upstream_tries uwsgi_no_cache uwsgi_param uwsgi_pass uwsgi_pass_header
  uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_read_timeout uwsgi_request_buffering uwsgi_send_timeout
  uwsgi_socket_keepalive uwsgi_socket_rcvbuf uwsgi_socket_sndbuf uwsgi_ssl_certificate uwsgi_ssl_certificate_cache
  uwsgi_ssl_certificate_key uwsgi_ssl_ciphers uwsgi_ssl_conf_command uwsgi_ssl_crl uwsgi_ssl_name uwsgi_ssl_password_file
  uwsgi_ssl_protocols uwsgi_ssl_server_name uwsgi_ssl_session_reuse uwsgi_ssl_trusted_certificate uwsgi_ssl_verify
  uwsgi_ssl_verify_depth uwsgi_store uwsgi_store_access uwsgi_string uwsgi_temp_file_write_size valid_referers
  xml_entities xml_external_entities xslt_last_modified xslt_param xslt_string_param xslt_stylesheet xslt_types`;

const VARIABLES = `
  ancient_browser bytes_received connection_time connections_active connections_reading connections_waiting
  connections_writing date_gmt date_local geoip_area_code geoip_city
  geoip_city_continent_code geoip_city_country_code geoip_city_country_code3 geoip_city_country_name geoip_country_code
  geoip_country_code3 geoip_country_name geoip_dma_code geoip_latitude geoip_longitude geoip_org geoip_postal_code geoip_region
  geoip_region_name gzip_ratio http2 http3 invalid_referer limit_conn_status limit_rate limit_req_status modern_browser msie
  proxy_add_via proxy_protocol_addr proxy_protocol_port proxy_protocol_server_addr proxy_protocol_server_port realip_remote_addr
  realip_remote_port request_completion request_port secure_link
  secure_link_expires session_time slice_range ssl_alpn_protocol ssl_cipher ssl_ciphers ssl_client_cert ssl_client_escaped_cert
  ssl_client_fingerprint ssl_client_i_dn ssl_client_i_dn_legacy ssl_client_raw_cert ssl_client_s_dn ssl_client_s_dn_legacy
  ssl_client_serial ssl_client_sigalg ssl_client_v_end ssl_client_v_remain ssl_client_v_start ssl_client_verify ssl_curve
  ssl_curves ssl_early_data ssl_ech_outer_server_name ssl_ech_status ssl_preread_alpn_protocols ssl_preread_protocol
  ssl_preread_server_name ssl_protocol ssl_session_id ssl_session_reused ssl_sigalg ssl_sigalgs tcpinfo_rcv_space tcpinfo_rtt
  tcpinfo_rttvar tcpinfo_snd_cwnd uid_got uid_reset uid_set upstream_cache_etag upstream_cache_last_modified
  upstream_cache_status upstream_first_byte_time upstream_response_length upstream_session_time`;

/** Beginnings of names: the rest is a field's, a cookie's, a type's. */
const FAMILIES = /^(?:proxy_protocol_tlv_|sent_trailer_|upstream_cookie_|upstream_http_|upstream_trailer_)./;

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

let directives: ReadonlySet<string> | null = null;
let variables: ReadonlySet<string> | null = null;

export function isNginxDirective(name: string): boolean {
  directives ??= wordsOf(DIRECTIVES);
  return directives.has(name);
}

export function isNginxVariable(name: string): boolean {
  variables ??= wordsOf(VARIABLES);
  return FAMILIES.test(name) || variables.has(name);
}

/** What is said of such a name. */
export const NOT_YET = 'is known to nginx but not supported yet';

/** What will never be: nginx's own loads of C. */
const NEVER: Readonly<Record<string, string>> = {
  load_module:
    'is refused: modules of nginx are libraries of C, which lbproxy cannot load; remove it: what is there is built in (nginx -V)',
};

/** Why a name of nginx's is refused for good; undefined where it is not. */
export function whyNever(name: string): string | undefined {
  return Object.hasOwn(NEVER, name) ? NEVER[name] : undefined;
}
